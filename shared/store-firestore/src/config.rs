use std::time::Duration;

/// The variable by which Google's tools name a Firestore emulator.
const EMULATOR_VARIABLE: &str = "FIRESTORE_EMULATOR_HOST";

/// Where Firestore is and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirestoreConfig {
    /// `host:port` of an emulator; `None` for Google's service with the Application Default Credentials.
    pub emulator_host: Option<String>,
    /// How long a first connection to a database may take.
    pub connect_timeout: Duration,
    /// How long one attempt of a read may take, to its last document.
    pub read_timeout: Duration,
    /// How long a commit may take. It is sent once.
    pub commit_timeout: Duration,
    /// How often a read is tried where Firestore does not answer; at least once.
    pub read_attempts: u32,
}

impl Default for FirestoreConfig {
    /// Google's service. Two reads that get no answer and a third that does fit into a gateway's 15 seconds.
    fn default() -> Self {
        Self {
            emulator_host: None,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(4),
            commit_timeout: Duration::from_secs(10),
            read_attempts: 3,
        }
    }
}

impl FirestoreConfig {
    /// An emulator at `host:port`.
    pub fn emulator(host: impl Into<String>) -> Self {
        Self { emulator_host: Some(host.into()), ..Self::default() }
    }

    /// Google's service, or the emulator that `FIRESTORE_EMULATOR_HOST` names.
    pub fn from_env() -> Self {
        let emulator_host = std::env::var(EMULATOR_VARIABLE).ok().filter(|host| !host.is_empty());
        Self { emulator_host, ..Self::default() }
    }

    /// The service's address.
    pub(crate) fn url(&self) -> String {
        match &self.emulator_host {
            None => "https://firestore.googleapis.com".to_owned(),
            Some(host) => format!("http://{}", host.trim_start_matches("http://")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emulator_is_asked_in_clear_and_the_service_is_not() {
        assert_eq!(FirestoreConfig::default().url(), "https://firestore.googleapis.com");
        assert_eq!(FirestoreConfig::emulator("127.0.0.1:8080").url(), "http://127.0.0.1:8080");
        assert_eq!(FirestoreConfig::emulator("http://127.0.0.1:8080").url(), "http://127.0.0.1:8080");
    }
}
