use axum::extract::State;
use model::address::ADDRESS_BOOKS;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

use crate::accounts::AccountKey;
use crate::addresses::AddressView;

/// The caller's postal addresses.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddressList {
    /// All of them, oldest first; at most 20.
    data: Vec<AddressView>,
}

/// My addresses
#[utoipa::path(
    get, path = "/api/v1/users/me/addresses", tag = "users", security(("bearer" = [])),
    responses((status = 200, body = AddressList, description = "All of them"), Problems),
)]
pub(crate) async fn list_addresses(State(app): State<App>, caller: Caller) -> Result<Json<AddressList>, ApiError> {
    let book = caller.store.get(&ADDRESS_BOOKS, caller.user().as_str()).await?.map(|doc| doc.value);
    let Some(book) = book else { return Ok(Json(AddressList { data: Vec::new() })) };
    let key = AccountKey::of(&app, &caller.store, caller.user()).await?;
    let data =
        book.addresses.iter().map(|address| AddressView::open(&key, &book, address)).collect::<Result<_, _>>()?;
    Ok(Json(AddressList { data }))
}
