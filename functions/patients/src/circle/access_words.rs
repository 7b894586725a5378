//! What stands in the audit log, in plain words for the patient whose record it is about.
//!
//! A new action needs a line in [`ACTIONS`]; a test finds those that have none.

/// An action: its name in the log, what somebody did, and what somebody tried to do.
type Words = (&'static str, &'static str, &'static str);

/// The actions about records, chats and notes.
const ACTIONS: &[Words] = &[
    ("patient.create", "made your record", "make your record"),
    ("patient.read", "read your chart", "read your chart"),
    ("patient.list", "saw you in a list of patients", "see you in a list of patients"),
    ("patient.update", "changed your details", "change your details"),
    ("patient.delete", "deleted your record", "delete your record"),
    ("patient.shred", "destroyed what your record held", "destroy what your record holds"),
    ("patient.break-glass", "declared an emergency to see your record", "declare an emergency to see your record"),
    ("patient.invite", "made a code to tie an account to your record", "make a code to tie an account to your record"),
    ("patient.link-user", "tied an account to your record", "tie an account to your record"),
    ("diagnosis.create", "added a diagnosis", "add a diagnosis"),
    ("diagnosis.update", "changed a diagnosis", "change a diagnosis"),
    ("medication.create", "added a medication", "add a medication"),
    ("medication.update", "changed a medication", "change a medication"),
    ("medication.check", "was told of allergies that a medication meets", "compare a medication with your allergies"),
    ("allergy.create", "added an allergy", "add an allergy"),
    ("allergy.update", "changed an allergy", "change an allergy"),
    ("condition.create", "added a condition", "add a condition"),
    ("vitals.create", "added vital signs", "add vital signs"),
    ("vitals.list", "read your vital signs", "read your vital signs"),
    ("consent.grant", "gave a consent", "give a consent"),
    ("consent.revoke", "revoked a consent", "revoke a consent"),
    ("consent.list", "read your consents", "read your consents"),
    ("access.list", "looked who can see your record", "look who can see your record"),
    ("access.explain", "asked why somebody can see your record", "ask why somebody can see your record"),
    ("access-log.read", "read the log of who looked at your record", "read the log of who looked at your record"),
    ("break-glass.list", "read the reasons for emergency access", "read the reasons for emergency access"),
    ("break-glass.review", "reviewed an emergency access", "review an emergency access"),
    ("chat.create", "began a chat about you", "begin a chat about you"),
    ("chat.read", "opened a chat about you", "open a chat about you"),
    ("chat.list", "saw a chat about you in a list", "see a chat about you in a list"),
    ("chat.update", "changed a chat about you", "change a chat about you"),
    ("chat.delete", "deleted a chat about you", "delete a chat about you"),
    ("chat.follow", "followed a chat about you", "follow a chat about you"),
    ("membership.update", "changed their settings of a chat about you", "change their settings of a chat about you"),
    ("participant.add", "added somebody to a chat about you", "add somebody to a chat about you"),
    ("participant.remove", "took somebody out of a chat about you", "take somebody out of a chat about you"),
    ("message.send", "wrote a message in a chat about you", "write a message in a chat about you"),
    ("message.read", "read a message about you", "read a message about you"),
    ("message.list", "read messages about you", "read messages about you"),
    ("message.search", "searched messages about you", "search messages about you"),
    ("message.history", "read earlier versions of a message about you", "read earlier versions of a message about you"),
    ("message.receipts", "looked who has read a message about you", "look who has read a message about you"),
    ("message.mark-read", "marked messages about you as read", "mark messages about you as read"),
    ("message.mark-delivered", "received messages about you", "receive messages about you"),
    ("message.acknowledge", "acknowledged a message about you", "acknowledge a message about you"),
    ("message.edit", "changed a message about you", "change a message about you"),
    ("message.delete", "deleted a message about you", "delete a message about you"),
    ("note.create", "wrote a clinical note about you", "write a clinical note about you"),
    ("note.read", "read a clinical note about you", "read a clinical note about you"),
    ("answer.repeat", "was given an earlier answer about you again", "be given an earlier answer about you again"),
    ("notification.list", "read a notification about you", "read a notification about you"),
    ("scribe.generate-note", "had an AI draft a note about you", "have an AI draft a note about you"),
    ("scribe.job-read", "read a note about you that an AI drafted", "read a note about you that an AI drafted"),
    ("scribe.ai-used", "had an AI read a chat about you", "have an AI read a chat about you"),
    ("scribe.note-written", "had an AI draft a note about you", "have an AI draft a note about you"),
];

/// Actions that are about accounts and the clinic, by their beginning. They stand in a patient's log only where the
/// patient's own account is the one.
const FAMILIES: &[Words] = &[
    ("auth.", "signed in, or changed how an account signs in", "sign in, or change how an account signs in"),
    ("profile.", "changed an account", "change an account"),
    ("address.", "changed the addresses of an account", "change the addresses of an account"),
    ("user.", "read or changed an account", "read or change an account"),
    ("audit.", "read the audit log", "read the audit log"),
    ("admin.", "administered the clinic", "administer the clinic"),
];

/// What somebody did, in plain words.
pub(crate) fn did(action: &str) -> &'static str {
    words(action).map_or("did something with your record", |(_, did, _)| did)
}

/// What somebody tried to do.
pub(crate) fn tried(action: &str) -> &'static str {
    words(action).map_or("do something with your record", |(_, _, tried)| tried)
}

fn words(action: &str) -> Option<Words> {
    let exact = ACTIONS.iter().find(|(name, ..)| *name == action);
    exact.or_else(|| FAMILIES.iter().find(|(beginning, ..)| action.starts_with(beginning))).copied()
}

/// Why somebody could, in plain words; `None` for one's own record, which needs no reason.
pub(crate) fn because(reason: &str) -> Option<&'static str> {
    let code = reason.split(':').next().unwrap_or(reason);
    match code {
        "own-record" => None,
        "created" => Some("they made your record"),
        "assigned" => Some("they are assigned to you"),
        "care-team-chat" => Some("they are in your care team"),
        "consent" => Some("a consent allows it"),
        "proxy" => Some("they act for you"),
        "break-glass" => Some("they declared an emergency"),
        "admin" => Some("they administer the clinic"),
        "privacy-officer" => Some("they look after privacy in the clinic"),
        _ => Some("of another reason"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use access::decision::Reason;

    use super::*;

    /// The names that sources give to `.action("..")` and `.entry("..")`.
    fn names_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                names_in(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in [".action(\"", ".entry(\""] {
                    let names = text.split(call).skip(1).filter_map(|rest| rest.split('"').next());
                    found.extend(names.filter(|name| name.contains('.') && !name.contains("..")).map(str::to_owned));
                }
            }
        }
    }

    #[test]
    fn every_action_has_words() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut names = BTreeSet::new();
        for folder in ["functions", "shared", "infra/local"] {
            names_in(&root.join(folder), &mut names);
        }
        assert!(names.contains("consent.grant") && names.contains("message.send"), "{names:?}");
        let mute: Vec<_> = names.into_iter().filter(|name| words(name).is_none()).collect();
        assert!(mute.is_empty(), "no words in access_words.rs for {mute:?}");
        let all: BTreeSet<_> = ACTIONS.iter().map(|(name, ..)| name).collect();
        assert_eq!(all.len(), ACTIONS.len(), "one has words twice");
    }

    #[test]
    fn every_reason_has_words() {
        let reasons = [
            Reason::OwnRecord,
            Reason::Created,
            Reason::Assigned,
            Reason::CareTeamChat("c".parse().unwrap()),
            Reason::Consent("k".parse().unwrap()),
            Reason::Proxy("k".parse().unwrap()),
            Reason::BreakGlass("e".parse().unwrap()),
            Reason::Admin,
        ];
        for reason in reasons {
            assert_ne!(because(&reason.code()), because("something new"), "{reason:?}");
        }
    }
}
