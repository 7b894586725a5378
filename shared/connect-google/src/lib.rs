//! Speech-to-Text, and access tokens for the services of Google that take them.
//!
//! - [`GoogleSpeech`] is a [`connect::speech::Speech`].
//! - [`GoogleTokens`] is a [`connect::gemini::TokenSource`], and [`VertexAi`] makes settings of a Gemini client by it.
//!
//! Nothing here touches the network before it is used. The README says which permissions are needed.

mod speech;
mod tokens;
mod vertex;

pub use speech::{GoogleSpeech, GoogleSpeechConfig, InvalidSpeechConfig};
pub use tokens::{GoogleTokens, NoToken};
pub use vertex::VertexAi;
