use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{RandomExt, TenantId, UserId};
use model::one_time::{ONE_TIME_TOKENS, OneTimeToken, TokenKind};
use store::{Store, Transaction};
use web::App;
use zeroize::Zeroizing;

/// A token that is good once, ready to be written. Its text is `<tenant>.<32 random bytes in base64url>`; only the
/// SHA-256 of the bytes is stored, as the document's id.
pub struct OneTime {
    text: Zeroizing<String>,
    id: String,
    token: OneTimeToken,
}

impl OneTime {
    /// A new token of this kind for this user.
    pub fn new(app: &App, tenant: &TenantId, user: &UserId, kind: TokenKind) -> Self {
        let secret = Zeroizing::new(app.random.bytes::<32>());
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_slice()));
        let text = Zeroizing::new(format!("{tenant}.{}", encoded.as_str()));
        let now = app.now();
        let expires_at = now.plus(kind.lifetime());
        let token = OneTimeToken { kind, user_id: user.clone(), created_at: now, expires_at };
        Self { text, id: id_of(secret.as_slice()), token }
    }

    /// Its text, for the person it is for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A page of the frontend with the token in the fragment, which browsers send to no server.
    pub fn link(&self, app: &App, page: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/{page}#token={}", app.settings.app_url, self.text.as_str()))
    }

    /// Writes it.
    pub fn save(&self, tx: &Transaction) -> Result<(), store::Error> {
        tx.create_until(&ONE_TIME_TOKENS, &self.id, &self.token, self.token.expires_at)
    }
}

impl std::fmt::Debug for OneTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OneTime({:?})", self.token.kind)
    }
}

/// A token that somebody presents.
#[derive(Debug, Clone)]
pub struct Presented {
    tenant: TenantId,
    id: String,
}

impl Presented {
    /// Reads a token's text; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (tenant, encoded) = text.trim().split_once('.')?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).ok()?);
        (secret.len() == 32).then_some(())?;
        Some(Self { tenant: tenant.parse().ok()?, id: id_of(&secret) })
    }

    /// The tenant that it is for.
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What it is good for, if it still is and is one of these kinds.
    pub async fn look(
        &self,
        app: &App,
        store: &Store,
        kinds: &[TokenKind],
    ) -> Result<Option<OneTimeToken>, store::Error> {
        let found = store.get(&ONE_TIME_TOKENS, &self.id).await?.map(|doc| doc.value);
        Ok(found.filter(|token| kinds.contains(&token.kind) && app.now() < token.expires_at))
    }

    /// The same in a transaction, and uses it up: of several who present it at once, one gets it.
    pub async fn take(
        &self,
        app: &App,
        tx: &Transaction,
        kinds: &[TokenKind],
    ) -> Result<Option<OneTimeToken>, store::Error> {
        let found = tx.get(&ONE_TIME_TOKENS, &self.id).await?.map(|doc| doc.value);
        let good = found.filter(|token| kinds.contains(&token.kind) && app.now() < token.expires_at);
        if good.is_some() {
            tx.delete(&ONE_TIME_TOKENS, &self.id);
        }
        Ok(good)
    }
}

fn id_of(secret: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use testkit::TestApp;

    use super::*;

    testkit::on_both_platforms! {
        functions: Vec::new;
        a_token_is_good_once, a_token_is_good_for_its_time_and_kind, what_is_stored_is_no_token,
    }

    const KIND: &[TokenKind] = &[TokenKind::ResetPassword];

    async fn made(app: &TestApp, kind: TokenKind) -> OneTime {
        let token = OneTime::new(&app.app, &app.tenant, &"u1".parse().unwrap(), kind);
        app.store.transact("test", async |tx| token.save(&tx)).await.unwrap();
        token
    }

    async fn take(app: &TestApp, text: &str) -> Option<OneTimeToken> {
        let presented = Presented::parse(text).unwrap();
        app.store.transact("test", async |tx| presented.take(&app.app, &tx, KIND).await).await.unwrap()
    }

    async fn a_token_is_good_once(app: TestApp) {
        let token = made(&app, TokenKind::ResetPassword).await;
        assert_eq!(Presented::parse(token.text()).unwrap().tenant(), &app.tenant);
        let (one, other) = tokio::join!(take(&app, token.text()), take(&app, token.text()));
        assert_eq!(usize::from(one.is_some()) + usize::from(other.is_some()), 1, "of two at once one gets it");
        assert_eq!(one.or(other).unwrap().user_id.as_str(), "u1");
        assert_eq!(take(&app, token.text()).await, None);
    }

    async fn a_token_is_good_for_its_time_and_kind(app: TestApp) {
        let other = made(&app, TokenKind::VerifyEmail).await;
        assert_eq!(take(&app, other.text()).await, None, "another kind");
        let token = made(&app, TokenKind::ResetPassword).await;
        app.clock.advance(Duration::from_secs(30 * 60));
        assert_eq!(take(&app, token.text()).await, None, "too late");
        for text in ["", "x", "clinic.", "clinic.AAAA", &format!("a/b.{}", "A".repeat(43)), &"A".repeat(43)] {
            assert!(Presented::parse(text).is_none(), "{text}");
        }
    }

    async fn what_is_stored_is_no_token(app: TestApp) {
        let token = made(&app, TokenKind::Invitation).await;
        let stored = app.store.query(&ONE_TIME_TOKENS, &ONE_TIME_TOKENS.all()).await.unwrap();
        let text = format!("{} {}", stored[0].id, serde_json::to_string(&stored[0].value).unwrap());
        assert!(!text.contains(token.text().split_once('.').unwrap().1));
        assert!(!format!("{token:?}").contains(&stored[0].id));
        let link = token.link(&app.app, "join");
        assert_eq!(*link, format!("http://localhost:3000/join#token={}", token.text()));
    }
}
