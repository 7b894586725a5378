use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use garde::Validate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ApiError;

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Counts from 1.
    #[garde(range(min = 1, max = 100_000))]
    #[param(minimum = 1, maximum = 100_000)]
    pub page: Option<u32>,
    /// How many on a page; 20 unless told.
    #[garde(range(min = 1, max = 100))]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// `nextCursor` of the page before; wins over `page`.
    #[garde(length(max = 400))]
    #[param(max_length = 400)]
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The page, from 1.
    pub fn page(&self) -> u32 {
        self.page.unwrap_or(1)
    }

    /// How many on a page.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(20)
    }
}

/// A page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Listed<T> {
    /// What is on this page.
    pub data: Vec<T>,
    /// Where this page is in the list.
    pub pagination: Pagination,
}

/// Where a page is in its list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// How many there are in all.
    #[schema(example = 25)]
    pub total: u64,
    /// This page, from 1.
    #[schema(example = 1)]
    pub page: u32,
    /// How many fit on a page.
    #[schema(example = 10)]
    pub limit: u32,
    /// Ask with this for what follows; `null` on the last page.
    pub next_cursor: Option<String>,
}

/// A cursor as opaque text.
pub fn encode_cursor<T: Serialize>(place: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// What [`encode_cursor`] made; a text that it did not make is refused.
pub fn decode_cursor<T: DeserializeOwned>(field: &str, text: &str) -> Result<T, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| ApiError::field(field, format!("{field}: not a cursor of this list; take it from nextCursor")))
}
