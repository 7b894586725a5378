//! The one place where HTTP clients are made.

use std::time::Duration;

/// How long a connection may take to be made, whatever the whole call is allowed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client: check that the system has CA certificates (package ca-certificates, or SSL_CERT_FILE)")]
pub struct NoHttpClient(#[source] reqwest::Error);

/// A client for one outside service. A call that takes longer than `timeout` from start to the last byte fails, and a
/// redirect is an answer like any other: following one could carry a credential or personal data elsewhere.
///
/// TLS is rustls with aws-lc-rs, be it that the process has installed that provider already or not.
#[expect(clippy::disallowed_methods, reason = "the one place where clients are built")]
pub fn client(timeout: Duration) -> Result<reqwest::Client, NoHttpClient> {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("consentmd/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(NoHttpClient)
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let server = MockServer::start().await;
        let moved = ResponseTemplate::new(307).insert_header("location", format!("{}/elsewhere", server.uri()));
        Mock::given(path("/here")).respond_with(moved).expect(1).mount(&server).await;
        Mock::given(path("/elsewhere")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&server).await;

        let client = client(Duration::from_secs(5)).unwrap();
        let answer = client.get(format!("{}/here", server.uri())).send().await.unwrap();
        assert_eq!(answer.status(), 307);
    }

    #[tokio::test]
    async fn a_slow_answer_is_given_up() {
        let server = MockServer::start().await;
        let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
        Mock::given(path("/")).respond_with(slow).mount(&server).await;

        let error = client(Duration::from_millis(50)).unwrap().get(server.uri()).send().await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
    }

    /// Speaks TLS to a server that does not: the handshake starts, so a crypto provider was found, and fails cleanly.
    #[tokio::test]
    async fn a_tls_handshake_needs_no_installed_crypto_provider() {
        let server = MockServer::start().await;
        let address = server.uri().replace("http://", "https://");
        let error = client(Duration::from_secs(5)).unwrap().get(address).send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    }
}
