use crate::oidc::OidcError;

/// Why an outside token is not accepted. Says nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// It is no signed token with the claims that are needed.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// It is signed by another algorithm than the issuer's.
    #[error("the token is not signed by the issuer's algorithm")]
    WrongAlgorithm,
    /// Its key is not among the issuer's.
    #[error("the token's key is not among the issuer's keys")]
    UnknownKey,
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// It is meant for another service.
    #[error("the token is for another audience")]
    WrongAudience,
    /// It is for a tenant that the issuer does not speak for.
    #[error("the token is for a tenant that its issuer does not speak for")]
    WrongTenant,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come: the clocks differ by more than 30 seconds.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The issuer's user endpoint does not take it any more.
    #[error("the issuer no longer stands by the token")]
    Withdrawn,
    /// The issuer's keys cannot be had. Trying again later may help.
    #[error("the issuer's keys are not available")]
    KeysUnavailable(#[source] OidcError),
}

impl From<OidcError> for OutsideError {
    fn from(error: OidcError) -> Self {
        match error {
            OidcError::UnknownKey => Self::UnknownKey,
            other => Self::KeysUnavailable(other),
        }
    }
}
