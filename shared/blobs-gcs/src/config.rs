/// Where Cloud Storage serves objects.
const GOOGLE: &str = "https://storage.googleapis.com";

/// Which bucket, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcsConfig {
    /// The bucket's name, without `gs://`.
    pub bucket: String,
    /// `host:port` of an emulator that serves JSON and gRPC there (`STORAGE_EMULATOR_HOST`); `None` for Google's
    /// service with the Application Default Credentials.
    pub emulator_host: Option<String>,
}

impl GcsConfig {
    /// A bucket at Google's service, or at an emulator.
    pub fn new(bucket: impl Into<String>, emulator_host: Option<String>) -> Self {
        Self { bucket: bucket.into(), emulator_host }
    }

    /// The emulator's address. It is asked in clear unless it says `https://`.
    pub(crate) fn emulator_url(&self) -> Option<String> {
        let host = self.emulator_host.as_ref()?.trim_end_matches('/');
        Some(if host.contains("://") { host.to_owned() } else { format!("http://{host}") })
    }

    /// What signed URLs begin with.
    pub(crate) fn public_url(&self) -> String {
        self.emulator_url().unwrap_or_else(|| GOOGLE.to_owned())
    }

    /// The bucket as Google's client wants it named.
    pub(crate) fn bucket_path(&self) -> String {
        format!("projects/_/buckets/{}", self.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulator_is_asked_in_clear_and_google_is_not() {
        let google = GcsConfig::new("files", None);
        assert_eq!((google.emulator_url(), google.public_url().as_str()), (None, "https://storage.googleapis.com"));
        assert_eq!(google.bucket_path(), "projects/_/buckets/files");
        for host in ["127.0.0.1:9023", "http://127.0.0.1:9023", "http://127.0.0.1:9023/"] {
            let emulator = GcsConfig::new("files", Some(host.to_owned()));
            assert_eq!(emulator.public_url(), "http://127.0.0.1:9023");
        }
    }
}
