use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use kernel::Clock;
use serde_json::Value;

use super::config::{IssuerConfig, KeySource};
use super::{LONGEST_TOKEN, OutsideError};
use crate::oidc::{HttpJwks, JwksCache};

/// What an issuer's signatures are checked with, under the one algorithm that is configured.
pub(crate) struct IssuerKeys {
    algorithm: Algorithm,
    validation: Validation,
    source: Source,
}

enum Source {
    Published(JwksCache),
    Shared(DecodingKey),
}

impl IssuerKeys {
    pub(crate) fn of(config: &IssuerConfig, client: &reqwest::Client, clock: &Arc<dyn Clock>) -> Self {
        let (algorithm, source) = match &config.keys {
            KeySource::Published { url, algorithm } => {
                let jwks = Arc::new(HttpJwks::new(client.clone(), url.as_str()));
                let algorithm = algorithm.algorithm();
                (algorithm, Source::Published(JwksCache::of_algorithm(jwks, clock.clone(), algorithm)))
            }
            KeySource::Shared { secret } => {
                (Algorithm::HS256, Source::Shared(DecodingKey::from_secret(secret.disclose().as_bytes())))
            }
        };
        let mut validation = Validation::new(algorithm);
        // The claims are checked by their reader, by our clock and with an error for each.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        Self { algorithm, validation, source }
    }

    /// The claims of a token whose signature is right.
    pub(crate) async fn open(&self, token: &str) -> Result<Value, OutsideError> {
        if token.len() > LONGEST_TOKEN {
            return Err(OutsideError::Malformed("it is too long"));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            // An algorithm without a name here ("none") is an error of the header's JSON.
            ErrorKind::Json(error) if error.is_data() => OutsideError::WrongAlgorithm,
            _ => OutsideError::Malformed("its header"),
        })?;
        if header.alg != self.algorithm {
            return Err(OutsideError::WrongAlgorithm);
        }
        // "crit" names extensions that must be understood, and we understand none (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(OutsideError::Malformed("its header has critical extensions"));
        }
        let key = self.key(&header).await?;
        let decoded = jsonwebtoken::decode::<Value>(token, &key, &self.validation);
        Ok(decoded.map_err(|error| refusal(error.kind()))?.claims)
    }

    async fn key(&self, header: &Header) -> Result<DecodingKey, OutsideError> {
        match &self.source {
            Source::Shared(key) => Ok(key.clone()),
            Source::Published(keys) => {
                let id = header.kid.as_deref().ok_or(OutsideError::Malformed("its header names no key"))?;
                Ok(keys.key(id).await?)
            }
        }
    }
}

fn refusal(kind: &ErrorKind) -> OutsideError {
    match kind {
        ErrorKind::InvalidSignature => OutsideError::BadSignature,
        ErrorKind::InvalidAlgorithm => OutsideError::WrongAlgorithm,
        _ => OutsideError::Malformed("its claims"),
    }
}
