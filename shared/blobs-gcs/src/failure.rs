//! What can go wrong with Cloud Storage, in words that say where. No URL, no object's content and none of Google's own
//! words get into them: a URL of an upload in progress is as good as a key.

use std::error::Error as _;
use std::time::Duration;

use blobs::{BlobName, Error as BlobError};
use google_cloud_auth::signer::SigningError;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Code;

/// Why Cloud Storage did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GcsError {
    /// There is no client.
    #[error("no Cloud Storage client could be made; are there Application Default Credentials?")]
    NoClient,
    /// There is no token.
    #[error("no access token for Cloud Storage; is the metadata server or the credentials' source there?")]
    NoToken,
    /// The service account may not.
    #[error("the service account may not do this in bucket {bucket}; it needs {permission}")]
    Denied {
        /// The bucket.
        bucket: String,
        /// The IAM permissions that are needed.
        permission: &'static str,
    },
    /// The object has to be kept.
    #[error("bucket {bucket} has to keep the object as it is: its retention time is not over, or it is on hold")]
    Kept {
        /// The bucket.
        bucket: String,
    },
    /// There is no such bucket.
    #[error("bucket {bucket} does not exist; look at the variable that names it")]
    NoBucket {
        /// The bucket.
        bucket: String,
    },
    /// An answer that will be the same next time.
    #[error("Cloud Storage refused with {code}")]
    Rejected {
        /// HTTP's status, or the one that stands for gRPC's.
        code: u16,
    },
    /// An answer that may be another next time.
    #[error("Cloud Storage failed with {code}")]
    Failed {
        /// HTTP's status, or the one that stands for gRPC's.
        code: u16,
    },
    /// No answer, or one that was cut off or damaged.
    #[error("the connection to Cloud Storage failed")]
    Broken,
    /// No answer in time.
    #[error("no answer from Cloud Storage within {0:?}")]
    NoAnswer(Duration),
    /// There is nobody to sign.
    #[error("these credentials cannot sign URLs; use a service account, or credentials that impersonate one")]
    CannotSign,
    /// There is no signature.
    #[error("no signature for the URL; does IAM's signBlob answer?")]
    NoSignature,
}

/// What is done, and what has to be granted for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doing {
    pub(crate) verb: &'static str,
    permission: &'static str,
}

pub(crate) const STORE: Doing = Doing {
    verb: "store",
    permission: "storage.objects.create, and storage.objects.delete where it replaces an object",
};
pub(crate) const OPEN: Doing = Doing { verb: "open", permission: "storage.objects.get" };
pub(crate) const LOOK_UP: Doing = Doing { verb: "look up", permission: "storage.objects.get" };
pub(crate) const DELETE: Doing = Doing { verb: "delete", permission: "storage.objects.delete" };
pub(crate) const LIST: Doing = Doing { verb: "list", permission: "storage.objects.list" };
pub(crate) const SIGN: Doing = Doing { verb: "sign a URL for", permission: "iam.serviceAccounts.signBlob on itself" };

impl GcsError {
    /// A failed call.
    pub(crate) fn of(doing: Doing, bucket: &str, error: &Error) -> Self {
        let bucket = bucket.to_owned();
        match answer(error) {
            None if error.is_authentication() => Self::NoToken,
            None => Self::Broken,
            Some(403 | 412) if says(error, &["retention policy", "under active", "underactivehold"]) => {
                Self::Kept { bucket }
            }
            Some(401 | 403) => Self::Denied { bucket, permission: doing.permission },
            Some(404) if says(error, &["bucket does not exist"]) => Self::NoBucket { bucket },
            // An upload in progress that Cloud Storage no longer knows can be begun anew.
            Some(code @ (404 | 408 | 409 | 410 | 429 | 500..=599)) => Self::Failed { code },
            Some(code) => Self::Rejected { code },
        }
    }

    /// A failed signature.
    pub(crate) fn of_signing(bucket: &str, error: &SigningError) -> Self {
        let google = error.source().and_then(|source| source.downcast_ref::<Error>());
        google.map_or(Self::NoSignature, |google| Self::of(SIGN, bucket, google))
    }

    /// Whether it will be the same next time.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Denied { .. } | Self::Kept { .. } | Self::NoBucket { .. } | Self::Rejected { .. } | Self::CannotSign
        )
    }

    /// The port's error for it.
    pub(crate) fn about(self, doing: Doing, name: &BlobName) -> BlobError {
        let (doing, name) = (doing.verb, name.clone());
        if self.is_final() {
            BlobError::Refused { doing, name, source: self.into() }
        } else {
            BlobError::Unavailable { doing, name, source: self.into() }
        }
    }

    /// The port's error for a list.
    pub(crate) fn about_list(self) -> BlobError {
        if self.is_final() { BlobError::ListRefused(self.into()) } else { BlobError::CannotList(self.into()) }
    }
}

/// Whether there is no such object. A bucket that is not there is an error.
pub(crate) fn is_missing(error: &Error) -> bool {
    answer(error) == Some(404) && !says(error, &["bucket does not exist"])
}

/// Whether a precondition did not hold.
pub(crate) fn is_precondition(error: &Error) -> bool {
    answer(error) == Some(412)
}

/// What was answered, as HTTP's status: uploads and downloads are HTTP, all else is gRPC.
fn answer(error: &Error) -> Option<u16> {
    let http = error.http_status_code().filter(|code| *code >= 300);
    http.or_else(|| error.status().and_then(|status| http_status(status.code)))
}

fn http_status(code: Code) -> Option<u16> {
    Some(match code {
        Code::InvalidArgument | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::Aborted | Code::AlreadyExists => 409,
        Code::FailedPrecondition => 412,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::Internal | Code::DataLoss => 500,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        _ => return None,
    })
}

fn says(error: &Error, words: &[&str]) -> bool {
    let status = error.status().map(|status| status.message.to_lowercase());
    let body = error.http_payload().map(|body| String::from_utf8_lossy(body).to_lowercase());
    [status, body].into_iter().flatten().any(|text| words.iter().any(|word| text.contains(word)))
}

#[cfg(test)]
mod tests {
    use google_cloud_gax::error::rpc::Status;

    use super::*;

    fn of(code: Code, message: &str) -> GcsError {
        let error = Error::service(Status::default().set_code(code).set_message(message));
        GcsError::of(DELETE, "files", &error)
    }

    #[test]
    fn what_cannot_change_is_told_from_what_may() {
        let denied = of(Code::PermissionDenied, "x@y does not have storage.objects.delete access");
        assert_eq!(
            denied.to_string(),
            "the service account may not do this in bucket files; it needs storage.objects.delete"
        );
        let kept = of(
            Code::PermissionDenied,
            "Object 'files/a' is subject to bucket's retention policy and cannot be deleted",
        );
        assert_eq!(kept, GcsError::Kept { bucket: "files".to_owned() });
        let held = of(Code::PermissionDenied, "Object 'files/a' is under active Temporary hold and cannot be deleted");
        assert_eq!(held, kept);
        let no_bucket = of(Code::NotFound, "The specified bucket does not exist.");
        assert_eq!(no_bucket, GcsError::NoBucket { bucket: "files".to_owned() });
        for (code, is_final) in [
            (Code::InvalidArgument, true),
            (Code::Unauthenticated, true),
            (Code::ResourceExhausted, false),
            (Code::Unavailable, false),
            (Code::Internal, false),
            (Code::DeadlineExceeded, false),
            (Code::Unknown, false),
        ] {
            assert_eq!(of(code, "").is_final(), is_final, "{code:?}");
        }
        assert!(!GcsError::NoAnswer(Duration::from_secs(1)).is_final());
    }
}
