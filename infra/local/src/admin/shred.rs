//! Destroys a patient's data key. What was sealed under it stays where it is, and nobody can read it any more.

use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use charts::{ChartPlaces, mrn_index};
use clap::Args;
use kernel::{Email, PatientId, Phone, RandomExt, TenantId, Time};
use model::patient::{MRN_OWNERS, PATIENTS};
use model::shred::{SHRED_CERTIFICATES, SHRED_STATEMENT, ShredCertificate};
use serde_json::{Value, json};
use store::{Doc, Store};
use vault::{DATA_KEYS, KEPT_FOR, StoredKey, Subject};
use web::{App, ClientInfo, Record};

use super::Desk;

/// The longest reason and name, in characters.
const LONGEST: usize = 200;
/// How often it begins anew where the key is wrapped again by somebody else meanwhile.
const MOST_ATTEMPTS: u32 = 5;

/// Whose key is destroyed, why, and who answers for it.
#[derive(Debug, Args)]
pub struct Options {
    /// The tenant.
    #[arg(long)]
    pub(super) tenant: TenantId,
    /// The patient's id.
    #[arg(long)]
    pub(super) patient: PatientId,
    /// Why, in at most 200 characters without personal data: it stays in the certificate. A request's number, say.
    #[arg(long)]
    pub(super) reason: String,
    /// Who does it: your name or staff number, in at most 200 characters. It stays in the certificate.
    #[arg(long)]
    pub(super) by: String,
    /// Does not ask again.
    #[arg(long)]
    pub(super) yes: bool,
}

/// What became of it.
enum Outcome {
    /// The key is destroyed now.
    Destroyed(String, ShredCertificate),
    /// It was before, with this certificate.
    Before(Time, Option<(String, ShredCertificate)>),
}

/// Destroys the key, and answers with the certificate, which is also written to the data folder.
pub(super) async fn run(desk: &Desk, options: Options) -> anyhow::Result<String> {
    check("--reason", &options.reason)?;
    check("--by", &options.by)?;
    let store = desk.tenant(&options.tenant).await?;
    let stored = stored_key(&store, &options).await?;
    if !options.yes && stored.value.wrapped_key.is_some() {
        ask(&options)?;
    }
    let outcome = destroy(&desk.app, &store, &options).await?;
    // Also where it was destroyed before: the disk may not have been cleaned then.
    let cleaned = store.scrub().await;
    let mut text = match outcome {
        Outcome::Destroyed(id, certificate) => {
            let (path, shown) = write_down(desk, &options, &id, &certificate)?;
            format!(
                "The data key of patient {} is destroyed.\n{shown}Certificate: {}\nA server that is running keeps an \
                 unwrapped key for at most {} minutes. Backups of the data can be read as long as a backup of the key \
                 file goes with them.\n",
                options.patient,
                path.display(),
                KEPT_FOR.as_secs() / 60
            )
        }
        Outcome::Before(since, None) => {
            format!("The data key of patient {} was destroyed at {since}, without a certificate.\n", options.patient)
        }
        Outcome::Before(since, Some((id, certificate))) => {
            let (path, shown) = write_down(desk, &options, &id, &certificate)?;
            let patient = &options.patient;
            format!(
                "The data key of patient {patient} was destroyed already, at {since}.\n{shown}Certificate: {}\n",
                path.display()
            )
        }
    };
    if let Err(error) = cleaned {
        let cause = anyhow::Error::from(error);
        text.push_str(&format!(
            "The key may still be in the database's log on the disk ({cause:#}). Run this again.\n"
        ));
    }
    Ok(text)
}

/// What goes into a certificate is kept for ever: no personal data of the patient, as far as can be told.
fn check(option: &str, text: &str) -> anyhow::Result<()> {
    let length = text.trim().chars().count();
    ensure!((1..=LONGEST).contains(&length), "{option} has 1 to {LONGEST} characters");
    ensure!(!text.chars().any(char::is_control), "{option} is one line without control characters");
    let is_personal = |word: &str| word.parse::<Email>().is_ok() || word.parse::<Phone>().is_ok();
    ensure!(
        !text.split_whitespace().any(is_personal),
        "{option} has an e-mail address or a telephone number in it: certificates hold no personal data of a patient"
    );
    Ok(())
}

#[expect(clippy::print_stderr, reason = "a question in a terminal")]
fn ask(options: &Options) -> anyhow::Result<()> {
    let stdin = io::stdin();
    ensure!(stdin.is_terminal(), "this cannot be undone: say --yes if it is meant");
    eprintln!("Nobody will be able to read this patient's record again. To go on, type the patient's id:");
    let mut typed = String::new();
    stdin.lock().read_line(&mut typed)?;
    ensure!(typed.trim() == options.patient.as_str(), "that is not the id; nothing was destroyed");
    Ok(())
}

async fn stored_key(store: &Store, options: &Options) -> anyhow::Result<Doc<StoredKey>> {
    let key_id = Subject::Patient(options.patient.clone()).key_id();
    let found = store.get(&DATA_KEYS, &key_id).await?;
    found.with_context(|| format!("there is no patient {} with a data key in {}", options.patient, options.tenant))
}

async fn destroy(app: &App, store: &Store, options: &Options) -> anyhow::Result<Outcome> {
    for _ in 0..MOST_ATTEMPTS {
        let stored = stored_key(store, options).await?;
        let Some(fingerprint) = stored.value.fingerprint() else {
            return Ok(Outcome::Before(stored.value.since, certificate_of(store, &stored.id).await?));
        };
        let id = app.random.uuid().to_string();
        let mut certificate = ShredCertificate {
            key_id: stored.id.clone(),
            destroyed_at: app.now(),
            by: options.by.trim().to_owned(),
            reason: options.reason.trim().to_owned(),
            wrapped_key_sha256: fingerprint,
            wrapped_by: stored.value.wrapped_by.clone(),
            statement: String::new(),
        };
        certificate.statement =
            app.tokens.sign_statement(SHRED_STATEMENT, &claims(&options.tenant, &id, &certificate))?;
        if commit(app, store, options, &stored, (&id, &certificate)).await? {
            return Ok(Outcome::Destroyed(id, certificate));
        }
    }
    bail!("the key was wrapped again by others {MOST_ATTEMPTS} times in a row; nothing was destroyed, run this again")
}

/// Destroys the key where it still is what the certificate says, and with it what would tell of the patient without it:
/// the words that the chart is found by, and the MRN's index. Answers whether it did.
async fn commit(
    app: &App,
    store: &Store,
    options: &Options,
    seen: &Doc<StoredKey>,
    (id, certificate): (&str, &ShredCertificate),
) -> anyhow::Result<bool> {
    let client = ClientInfo { ip: None, user_agent: Some("consentmd admin".to_owned()) };
    let entry = app.entry("patient.shred", &client).entity("shred-certificate", id).patient(&options.patient);
    let subject = Subject::Patient(options.patient.clone());
    let (patient, now) = (options.patient.as_str(), certificate.destroyed_at);
    let key_now = app.vault.key(store, &subject).await?;
    let blind = app.vault.blind_index(store).await?;
    // More than one only where something went wrong before.
    let owned = store.query(&MRN_OWNERS, &MRN_OWNERS.all().eq("patientId", patient)).await?;
    let owned: Vec<String> = owned.into_iter().map(|mrn| mrn.id).collect();
    let destroyed = store.transact("shred-patient", async |tx| {
        let (key, chart) = tx.get_both((&DATA_KEYS, &seen.id), (&PATIENTS, patient)).await?;
        if key.is_none_or(|key| key.version != seen.version) {
            return Ok(false);
        }
        // By the number that the chart has at this moment, which may be another than a moment ago.
        let mut mrns = owned.clone();
        if let Some(chart) = &chart {
            let mrn = key_now.open(&ChartPlaces::of(&options.tenant, &options.patient).mrn(), &chart.value.mrn)?;
            mrns.push(mrn_index(&blind, mrn.disclose()));
        }
        mrns.sort_unstable();
        mrns.dedup();
        let owners = tx.get_many(&MRN_OWNERS, &mrns).await?.into_iter().flatten();
        let own: Vec<String> =
            owners.filter(|owner| owner.value.patient_id == options.patient).map(|owner| owner.id).collect();
        app.vault.destroy_key(&tx, &subject, now)?;
        tx.create(&SHRED_CERTIFICATES, id, certificate)?;
        if let Some(mut chart) = chart.map(|chart| chart.value) {
            chart.words.clear();
            chart.deleted_at.get_or_insert(now);
            chart.updated_at = now;
            chart.version += 1;
            tx.put(&PATIENTS, patient, &chart)?;
        }
        own.iter().for_each(|mrn| tx.delete(&MRN_OWNERS, mrn));
        tx.record(&entry)?;
        Ok::<_, anyhow::Error>(true)
    });
    let destroyed = destroyed.await?;
    app.vault.forget(&options.tenant, &subject);
    Ok(destroyed)
}

/// The first certificate of a key. There is one, unless a key was put back from a backup and destroyed again.
async fn certificate_of(store: &Store, key_id: &str) -> anyhow::Result<Option<(String, ShredCertificate)>> {
    let all = store.query(&SHRED_CERTIFICATES, &SHRED_CERTIFICATES.all().eq("keyId", key_id)).await?;
    Ok(all.into_iter().min_by_key(|doc| doc.value.destroyed_at).map(|doc| (doc.id, doc.value)))
}

/// What the installation signs.
fn claims(tenant: &TenantId, id: &str, certificate: &ShredCertificate) -> Value {
    json!({
        "iss": access::token::CONSENTMD,
        "certificateId": id,
        "tenant": tenant,
        "subjectKey": certificate.key_id,
        "destroyedAt": certificate.destroyed_at,
        "by": certificate.by,
        "reason": certificate.reason,
        "wrappedKeySha256": certificate.wrapped_key_sha256,
        "wrappedBy": certificate.wrapped_by,
    })
}

/// Writes the certificate to the data folder, with the keys that its signature is checked by, and answers where it is
/// and what it says.
fn write_down(
    desk: &Desk,
    options: &Options,
    id: &str,
    certificate: &ShredCertificate,
) -> anyhow::Result<(PathBuf, String)> {
    let mut document = claims(&options.tenant, id, certificate);
    document["statement"] = json!(certificate.statement);
    document["jwks"] = desk.app.tokens.jwks();
    let shown = format!("{document:#}\n");
    let folder = desk.data_dir.join("certificates");
    let path = folder.join(format!("shred-{}-{id}.json", options.tenant));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, &shown));
    written.with_context(|| {
        format!(
            "the key is destroyed and its certificate stored, but {} cannot be written; run this again\n{shown}",
            path.display()
        )
    })?;
    Ok((path, shown))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use testkit::{Fault, TestApp};

    use super::*;
    use runtime::KeyKeeper;

    testkit::on_both_platforms! {
        functions: crate::functions::all;
        a_shredded_patient_is_gone_and_certified, an_unknown_patient_leaves_nothing, a_lost_answer_is_found_again,
        a_certificate_takes_no_personal_data, a_key_wrapped_again_meanwhile_is_destroyed_all_the_same,
    }

    /// A desk with a data folder of its own.
    fn desk(app: &TestApp) -> (Desk, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (data_dir, keys) = (folder.path().to_owned(), folder.path().join("keys.json"));
        (Desk { app: app.app.clone(), data_dir, key_keeper: KeyKeeper::File(keys), project: None }, folder)
    }

    fn order(app: &TestApp, patient: &PatientId) -> Options {
        Options {
            tenant: app.tenant.clone(),
            patient: patient.clone(),
            reason: "erasure request 17".to_owned(),
            by: "staff 4".to_owned(),
            yes: true,
        }
    }

    fn certificates(desk: &Desk) -> Vec<Value> {
        let files = fs::read_dir(desk.data_dir.join("certificates")).into_iter().flatten();
        files.map(|file| serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap()).collect()
    }

    async fn a_shredded_patient_is_gone_and_certified(app: TestApp) {
        let (desk, _folder) = desk(&app);
        let doctor = app.user(Role::Doctor, "Dana").await;
        let patient = app.patient(&doctor, "Canary Finch").await;
        let mrn = model::patient::MrnOwner { patient_id: patient.clone() };
        let blind = app.app.vault.blind_index(&app.store).await.unwrap();
        let (current, foreign) = (mrn_index(&blind, &format!("mrn-{patient}")), mrn_index(&blind, "MRN-OTHER"));
        let others = model::patient::MrnOwner { patient_id: "p2".parse().unwrap() };
        let owners = [("m1", &mrn), (current.as_str(), &mrn), (foreign.as_str(), &others)];
        for (id, owner) in owners {
            app.store.transact("test-mrn", async |tx| tx.put(&MRN_OWNERS, id, owner)).await.unwrap();
        }
        app.change_patient(&patient, |chart| chart.words = vec!["w1".to_owned()]).await;
        let chat = async |body: Value| {
            let made = app.post("/api/v1/chats").by(&doctor).json(&body).expect(201).await;
            made["id"].as_str().unwrap().to_owned()
        };
        let about =
            chat(json!({"type": "Care Team", "name": "About", "participantIds": [], "patientId": patient})).await;
        let other = chat(json!({"type": "Care Team", "name": "Other", "participantIds": []})).await;
        let stored = app.store.get(&DATA_KEYS, &format!("patient_{patient}")).await.unwrap().unwrap().value;

        let told = run(&desk, order(&app, &patient)).await.unwrap();
        assert!(told.contains("is destroyed") && told.contains("at most 5 minutes"), "{told}");
        assert!(!told.contains("Canary"), "{told}");
        let files = certificates(&desk);
        assert_eq!(files.len(), 1);
        let said = app.app.tokens.verify_statement(SHRED_STATEMENT, files[0]["statement"].as_str().unwrap()).unwrap();
        let expected = json!({
            "iss": "consentmd", "certificateId": files[0]["certificateId"], "tenant": app.tenant,
            "subjectKey": format!("patient_{patient}"), "destroyedAt": app.app.now(), "by": "staff 4",
            "reason": "erasure request 17", "wrappedKeySha256": stored.fingerprint(), "wrappedBy": "memory",
        });
        assert_eq!(said, expected);

        let key = app.app.vault.key(&app.store, &Subject::Patient(patient.clone())).await;
        assert!(matches!(key, Err(vault::Error::KeyMissing { .. })), "{key:?}");
        let chart = app.patient_now(&patient).await;
        assert_eq!((chart.deleted_at, chart.words.len()), (Some(app.app.now()), 0));
        for id in ["m1", current.as_str()] {
            assert!(app.store.get(&MRN_OWNERS, id).await.unwrap().is_none());
        }
        assert!(app.store.get(&MRN_OWNERS, &foreign).await.unwrap().is_some());
        let log = app.audit_log().await;
        let entry = log.iter().find(|entry| entry.action == "patient.shred").unwrap();
        assert_eq!(entry.patients, std::slice::from_ref(&patient));

        let listed = app.get("/api/v1/chats").by(&doctor).expect(200).await;
        let ids: Vec<&str> = listed["data"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [other.as_str()], "the other chats can be read as before");
        app.get(&format!("/api/v1/chats/{about}")).by(&doctor).refused(404, "NOT_FOUND").await;
        let send = app.post(&format!("/api/v1/chats/{about}/messages")).by(&doctor);
        send.json(&json!({"content": "hello"})).refused(404, "NOT_FOUND").await;

        app.clock.advance(std::time::Duration::from_secs(60));
        let again = run(&desk, order(&app, &patient)).await.unwrap();
        assert!(again.contains("destroyed already, at 2026-01-15T10:00:00.000Z"), "{again}");
        assert_eq!(certificates(&desk), files, "the first certificate stands");
        assert_eq!(app.store.count(&SHRED_CERTIFICATES, &SHRED_CERTIFICATES.all()).await.unwrap(), 1);
    }

    async fn an_unknown_patient_leaves_nothing(app: TestApp) {
        let (desk, _folder) = desk(&app);
        let error = run(&desk, order(&app, &"p9".parse().unwrap())).await.unwrap_err();
        assert!(error.to_string().starts_with("there is no patient p9"), "{error}");
        let elsewhere = Options { tenant: "nowhere".parse().unwrap(), ..order(&app, &"p9".parse().unwrap()) };
        let error = run(&desk, elsewhere).await.unwrap_err();
        assert!(error.to_string().starts_with("there is no tenant \"nowhere\""), "{error}");
        assert!(certificates(&desk).is_empty());
        assert_eq!(app.store.count(&SHRED_CERTIFICATES, &SHRED_CERTIFICATES.all()).await.unwrap(), 0);
        assert_eq!(app.store.count(&DATA_KEYS, &DATA_KEYS.all()).await.unwrap(), 0);
    }

    async fn a_lost_answer_is_found_again(app: TestApp) {
        let (desk, _folder) = desk(&app);
        let doctor = app.user(Role::Doctor, "Dana").await;
        let patient = app.patient(&doctor, "Canary Finch").await;
        app.faults.plan("shred-certificates", 0, Fault::NotCommitted);
        run(&desk, order(&app, &patient)).await.unwrap_err();
        app.app.vault.forget(&app.tenant, &Subject::Patient(patient.clone()));
        app.app.vault.key(&app.store, &Subject::Patient(patient.clone())).await.unwrap();
        app.faults.plan("shred-certificates", 0, Fault::AnswerLost);
        run(&desk, order(&app, &patient)).await.unwrap_err();
        assert!(app.faults.are_over() && certificates(&desk).is_empty());
        let told = run(&desk, order(&app, &patient)).await.unwrap();
        assert!(told.contains("destroyed already"), "{told}");
        assert_eq!(certificates(&desk).len(), 1);
    }

    async fn a_certificate_takes_no_personal_data(app: TestApp) {
        let (desk, _folder) = desk(&app);
        let doctor = app.user(Role::Doctor, "Dana").await;
        let patient = app.patient(&doctor, "Canary Finch").await;
        let long = "x".repeat(201);
        for bad in ["", "  ", long.as_str(), "two\nlines", "asked by canary@example.com", "called from +15550142877"] {
            let reason = Options { reason: bad.to_owned(), ..order(&app, &patient) };
            let error = run(&desk, reason).await.unwrap_err().to_string();
            assert!(error.starts_with("--reason ") && !error.contains("canary"), "{error}");
            let by = Options { by: bad.to_owned(), ..order(&app, &patient) };
            assert!(run(&desk, by).await.unwrap_err().to_string().starts_with("--by "));
        }
        app.app.vault.forget(&app.tenant, &Subject::Patient(patient.clone()));
        app.app.vault.key(&app.store, &Subject::Patient(patient.clone())).await.unwrap();
    }

    async fn a_key_wrapped_again_meanwhile_is_destroyed_all_the_same(app: TestApp) {
        let (desk, _folder) = desk(&app);
        let doctor = app.user(Role::Doctor, "Dana").await;
        let patient = app.patient(&doctor, "Canary Finch").await;
        let options = order(&app, &patient);
        let seen = stored_key(&app.store, &options).await.unwrap();
        // Written anew, as a rotation does.
        app.store.transact("test-rewrap", async |tx| tx.put(&DATA_KEYS, &seen.id, &seen.value)).await.unwrap();
        let certificate = ShredCertificate {
            key_id: seen.id.clone(),
            destroyed_at: app.app.now(),
            by: String::new(),
            reason: String::new(),
            wrapped_key_sha256: String::new(),
            wrapped_by: String::new(),
            statement: String::new(),
        };
        assert!(!commit(&app.app, &app.store, &options, &seen, ("c1", &certificate)).await.unwrap());
        assert_eq!(app.store.count(&SHRED_CERTIFICATES, &SHRED_CERTIFICATES.all()).await.unwrap(), 0);
        assert!(run(&desk, options).await.unwrap().contains("is destroyed"));
    }
}
