use std::time::Duration;

use kernel::{OtpRequestId, Phi};
use model::sign_in::{Identifier, OTP_LIFETIME, OTP_REQUESTS, OtpPurpose, OtpRequest};
use model::user::{EMAIL_INDEX, USERS};
use serde_json::json;
use totp_rs::{Builder, Secret};

use super::{Making, text};

/// What signing in needs. Public operations are asked about an account that registered, the others about the caller's.
impl Making<'_> {
    pub(super) async fn account(&mut self) {
        let words = &self.scene.words;
        let (email, password) = (words.email.clone(), words.password.clone());
        let body = json!({"name": words.name, "email": email, "password": password, "role": "Patient"});
        let made = self.at.post("/api/v1/auth/register").json(&body).expect(201).await;
        self.note("email", email);
        self.note("password", password);
        self.note("refreshToken", text(&made["refreshToken"]));
        self.note("accountId", text(&made["data"]["id"]));
    }

    /// What a message of this kind to the account says, as soon as it is sent.
    async fn letter(&self, kind: &str) -> String {
        let email = self.scene.id("email");
        for _ in 0..3000 {
            let sent = self.at.messages.messages(&self.at.tenant);
            let found = sent.iter().rev().find(|one| one.kind == kind && *one.to.disclose() == email);
            if let Some(found) = found {
                return found.text.disclose().clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {kind} was sent within 30 s");
    }

    pub(super) async fn email_token(&mut self) {
        let token = token_in(&self.letter("verify-email").await);
        self.note("emailToken", token);
    }

    pub(super) async fn reset_token(&mut self) {
        let body = json!({"email": self.scene.id("email")});
        self.at.post("/api/v1/auth/forgot-password").json(&body).expect(202).await;
        let token = token_in(&self.letter("reset-password").await);
        self.note("resetToken", token);
    }

    pub(super) async fn otp_code(&mut self) {
        let body = json!({"email": self.scene.id("email"), "channel": "email"});
        let asked = self.at.post("/api/v1/auth/request-otp").json(&body).expect(202).await;
        let letter = self.letter("sign-in-code").await;
        self.note("requestId", text(&asked["requestId"]));
        self.note("code", &letter[..6]);
    }

    /// As a document, since a second code is sent a minute after the first at the earliest.
    pub(super) async fn otp_request(&mut self) {
        let (app, store) = (&self.at.app, &self.at.store);
        let id = OtpRequestId::generate(app.random.as_ref());
        let index = app.vault.blind_index(store).await.unwrap().exact(EMAIL_INDEX, &self.scene.id("email"));
        let asked = OtpRequest {
            by: Identifier::Email,
            index,
            purpose: OtpPurpose::Login,
            channel: None,
            network: None,
            for_known_only: false,
            user_id: None,
            code_hash: None,
            attempts: 0,
            round: 0,
            created_at: app.now(),
            expires_at: app.now().plus(OTP_LIFETIME),
        };
        let until = asked.expires_at;
        let write = store.transact("test-otp", async |tx| tx.create_until(&OTP_REQUESTS, id.as_str(), &asked, until));
        write.await.unwrap();
        self.note("requestId", id.as_str());
    }

    /// The caller's account gets a password.
    pub(super) async fn password(&mut self) {
        let caller = self.scene.caller.id.to_string();
        let password = self.scene.words.password.clone();
        let hash = self.at.app.passwords.hash(Phi::new(password.clone())).await.unwrap();
        let write = self.at.store.transact("test-password", async |tx| {
            let mut user = tx.get(&USERS, &caller).await?.unwrap().value;
            user.password_hash.clone_from(&hash);
            tx.put(&USERS, &caller, &user)
        });
        write.await.unwrap();
        self.note("password", password);
    }

    pub(super) async fn mfa_offer(&mut self) {
        let offered = self.made(&self.scene.caller, "/api/v1/auth/enable-mfa", &json!({})).await;
        let secret = Secret::try_from_base32(&text(&offered["secret"])).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        let code = totp.generate(u64::try_from(self.at.app.now().as_secs()).unwrap()).to_string();
        self.note("code", code);
    }

    pub(super) async fn mfa(&mut self) {
        let body = json!({"code": self.scene.id("code"), "password": self.scene.id("password")});
        let enabled = self.made(&self.scene.caller, "/api/v1/auth/verify-mfa", &body).await;
        self.note("backupCode", text(&enabled["backupCodes"][0]));
    }
}

fn token_in(letter: &str) -> String {
    letter.split("#token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}
