/// The topic of live signals.
pub const LIVE_TOPIC: &str = "live-signals";

/// The topic of a family of events.
pub fn event_topic(family: &str) -> String {
    format!("events-{family}")
}

/// Where Pub/Sub is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PubsubConfig {
    /// The project of the topics and subscriptions.
    pub project: String,
    /// `host:port` of an emulator; `None` for Google's service with the Application Default Credentials.
    pub emulator_host: Option<String>,
}

impl PubsubConfig {
    /// A project at Google's service, or at an emulator.
    pub fn new(project: impl Into<String>, emulator_host: Option<String>) -> Self {
        Self { project: project.into(), emulator_host }
    }

    /// The emulator's address.
    pub(crate) fn emulator_url(&self) -> Option<String> {
        let host = self.emulator_host.as_ref()?;
        Some(format!("http://{}", host.trim_start_matches("http://")))
    }

    /// A topic's full name.
    pub(crate) fn topic(&self, topic: &str) -> String {
        format!("projects/{}/topics/{topic}", self.project)
    }

    /// A subscription's full name.
    pub(crate) fn subscription(&self, subscription: &str) -> String {
        format!("projects/{}/subscriptions/{subscription}", self.project)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_project_and_an_emulator_is_asked_in_clear() {
        let config = PubsubConfig::new("p", None);
        assert_eq!(config.topic(&event_topic("chats")), "projects/p/topics/events-chats");
        assert_eq!(config.subscription("live-1"), "projects/p/subscriptions/live-1");
        assert_eq!(config.emulator_url(), None);
        let config = PubsubConfig::new("p", Some("127.0.0.1:8085".to_owned()));
        assert_eq!(config.emulator_url().as_deref(), Some("http://127.0.0.1:8085"));
    }
}
