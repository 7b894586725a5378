use std::sync::Arc;

use connect::gemini::{Credential, GeminiSettings, InvalidSettings, TokenSource};

/// Gemini on Vertex AI, in a project and a location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VertexAi {
    project: String,
    location: String,
    endpoint: Option<String>,
}

impl VertexAi {
    /// A project's models in a region (`us-central1`), in a multi-region (`us`, `eu`) or wherever there is room (`global`,
    /// which is no place for data that must stay in a country). `endpoint` is an address instead of Google's, for tests.
    pub fn new(project: impl Into<String>, location: impl Into<String>, endpoint: Option<String>) -> Self {
        Self { project: project.into(), location: location.into(), endpoint }
    }

    /// The settings of a model; [`GeminiSettings`] has its limits.
    ///
    /// # Errors
    /// [`InvalidSettings::BaseUrl`] where project or location cannot stand in an address.
    pub fn settings(&self, model: &str, tokens: Arc<dyn TokenSource>) -> Result<GeminiSettings, InvalidSettings> {
        GeminiSettings::new(&self.base_url()?, model, Credential::AccessToken(tokens))
    }

    /// The address of its models.
    ///
    /// # Errors
    /// [`InvalidSettings::BaseUrl`] where project or location cannot stand in an address.
    pub fn base_url(&self) -> Result<String, InvalidSettings> {
        let Self { project, location, .. } = self;
        // A legacy project's id has its domain: "example.com:project".
        let is_name = |text: &str, more: &[u8]| {
            let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || more.contains(&c);
            text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(allowed)
        };
        if !is_name(project, b".:") || !is_name(location, b"") {
            return Err(InvalidSettings::BaseUrl);
        }
        Ok(format!("{}/v1/projects/{project}/locations/{location}/publishers/google", self.host()))
    }

    fn host(&self) -> String {
        match (&self.endpoint, self.location.as_str()) {
            (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
            (None, "global") => "https://aiplatform.googleapis.com".to_owned(),
            (None, region @ ("us" | "eu")) => format!("https://aiplatform.{region}.rep.googleapis.com"),
            (None, region) => format!("https://{region}-aiplatform.googleapis.com"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GoogleTokens;

    #[test]
    fn each_location_has_its_host() {
        for (location, host) in [
            ("us-central1", "us-central1-aiplatform.googleapis.com"),
            ("us", "aiplatform.us.rep.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
            ("global", "aiplatform.googleapis.com"),
        ] {
            let vertex = VertexAi::new("p", location, None);
            let expected = format!("https://{host}/v1/projects/p/locations/{location}/publishers/google");
            assert_eq!(vertex.base_url().unwrap(), expected);
            assert!(vertex.settings("gemini-2.5-flash", Arc::new(GoogleTokens::new())).is_ok());
        }
    }

    #[test]
    fn what_is_no_project_or_location_makes_no_address() {
        for (project, location) in
            [("", "us"), ("p/..", "us"), ("p", ""), ("p", "evil.example/"), ("p", "US"), ("p", "-x")]
        {
            let settings = VertexAi::new(project, location, None).settings("m", Arc::new(GoogleTokens::new()));
            assert!(matches!(settings, Err(InvalidSettings::BaseUrl)), "{project} {location}");
        }
        assert!(VertexAi::new("example.com:p", "us", None).settings("m", Arc::new(GoogleTokens::new())).is_ok());
    }
}
