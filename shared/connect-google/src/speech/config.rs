/// The settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} of Speech-to-Text cannot be \"{given}\"; one is {example}")]
pub struct InvalidSpeechConfig {
    what: &'static str,
    given: String,
    example: &'static str,
}

/// Which model listens, where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoogleSpeechConfig {
    project: String,
    location: String,
    model: String,
    endpoint: Option<String>,
    has_word_times: bool,
}

impl GoogleSpeechConfig {
    /// A model (`chirp_3`, `chirp_2`, `long`) in a location that has it (`us`, `us-central1`, `global`). Words get their
    /// times, with which Google limits a recording for `chirp_3` to 20 minutes.
    pub fn new(project: &str, location: &str, model: &str) -> Result<Self, InvalidSpeechConfig> {
        let check = |what, given: &str, more: &[u8], example| {
            let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(&c);
            let is_name = given.starts_with(|c: char| c.is_ascii_alphanumeric()) && given.bytes().all(allowed);
            if is_name {
                Ok(given.to_owned())
            } else {
                Err(InvalidSpeechConfig { what, given: given.to_owned(), example })
            }
        };
        Ok(Self {
            project: check("project", project, b"-.:", "my-project")?,
            location: check("location", location, b"-", "us")?,
            model: check("model", model, b"-_", "chirp_3")?,
            endpoint: None,
            has_word_times: true,
        })
    }

    /// Without the words' times: recordings may be longer (an hour for `chirp_3`), and segments are timed by what Google
    /// says of whole results.
    #[must_use]
    pub const fn without_word_times(mut self) -> Self {
        self.has_word_times = false;
        self
    }

    /// Another address than Google's, without credentials, for tests.
    #[must_use]
    pub fn at(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) const fn has_word_times(&self) -> bool {
        self.has_word_times
    }

    pub(super) const fn is_at_google(&self) -> bool {
        self.endpoint.is_none()
    }

    pub(super) fn endpoint(&self) -> String {
        match (&self.endpoint, self.location.as_str()) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, "global") => "https://speech.googleapis.com".to_owned(),
            (None, location) => format!("https://{location}-speech.googleapis.com"),
        }
    }

    /// The recognizer that is always there: all settings are in the request.
    pub(super) fn recognizer(&self) -> String {
        format!("projects/{}/locations/{}/recognizers/_", self.project, self.location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_its_address() {
        let at = |location| GoogleSpeechConfig::new("p", location, "chirp_3").unwrap();
        assert_eq!(at("us").endpoint(), "https://us-speech.googleapis.com");
        assert_eq!(at("us-central1").recognizer(), "projects/p/locations/us-central1/recognizers/_");
        assert_eq!(at("global").endpoint(), "https://speech.googleapis.com");
        assert_eq!(at("us").at("http://127.0.0.1:1").endpoint(), "http://127.0.0.1:1");
    }

    #[test]
    fn what_is_no_name_is_refused_with_an_example() {
        for (project, location, model) in
            [("", "us", "m"), ("p/x", "us", "m"), ("p", "evil.example/", "m"), ("p", "us", "a/b"), ("p", "us", "")]
        {
            let error = GoogleSpeechConfig::new(project, location, model).unwrap_err().to_string();
            assert!(error.contains("; one is "), "{error}");
        }
    }
}
