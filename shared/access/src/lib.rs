//! Who is asking: passwords, access tokens, refresh tokens, and the platform's own callers.
//!
//! - [`password`]: argon2id hashes made off the async threads, bcrypt hashes of older systems read, and what a new
//!   password must be.
//! - [`token`]: short-lived ES256 access tokens that carry a [`Principal`] and nothing personal, since tokens end up in
//!   URLs and logs.
//! - [`refresh`]: the value of a refresh token and its stored hash. Rotation and reuse detection are the identity
//!   function's.
//! - [`decision`]: the one decision about a patient's record: may someone do something, for a purpose, now, and why.
//! - [`oidc`]: Google-signed ID tokens on trigger paths (Pub/Sub push, Cloud Scheduler), checked against a cached key
//!   set.
//! - [`outside`]: access tokens of other identity providers, mapped to our words.
//!
//! Nothing here reads a clock or the machine's random source by itself: both are parameters.

pub mod decision;
pub mod oidc;
pub mod outside;
pub mod password;
mod principal;
pub mod refresh;
pub mod token;

pub use principal::Principal;
