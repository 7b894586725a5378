use axum::extract::State;
use kernel::AddressId;
use model::address::ADDRESS_BOOKS;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::accounts::AccountKey;
use crate::addresses::{AddressBody, AddressView};

/// Change an address
///
/// The whole address is given anew. `isDefault: true` makes it the default one; to make another one the default, say so
/// of that one.
#[utoipa::path(
    put, path = "/api/v1/users/me/addresses/{addressId}", tag = "users", security(("bearer" = [])),
    params(("addressId" = AddressId, Path, description = "The address")),
    request_body = AddressBody,
    responses((status = 200, body = AddressView, description = "The address"), Problems),
)]
pub(crate) async fn update_address(
    State(app): State<App>,
    caller: Caller,
    Path(address_id): Path<AddressId>,
    Json(body): Json<AddressBody>,
) -> Result<Json<AddressView>, ApiError> {
    caller.trail.action("address.update").entity("address", &address_id);
    let key = AccountKey::of(&app, &caller.store, caller.user()).await?;
    let is_default = body.is_default;
    let content = body.seal(&key, &address_id)?;
    let now = app.now();
    let user = caller.user().as_str();
    let (book, address) = caller
        .store
        .transact("update-address", async |tx| {
            let found = tx.get(&ADDRESS_BOOKS, user).await?.map(|doc| doc.value);
            let mut book = found.ok_or_else(|| ApiError::not_found("address"))?;
            let address = book.find(&address_id).ok_or_else(|| ApiError::not_found("address"))?;
            address.content = content.clone();
            address.updated_at = now;
            let address = address.clone();
            match is_default {
                Some(true) => book.default = Some(address_id.clone()),
                Some(false) if book.default.as_ref() == Some(&address_id) => {
                    let told = "isDefault: one address is the default; make another one the default instead";
                    return Err(ApiError::field("isDefault", told));
                }
                _ => {}
            }
            tx.put(&ADDRESS_BOOKS, user, &book)?;
            Ok::<_, ApiError>((book, address))
        })
        .await?;
    Ok(Json(AddressView::open(&key, &book, &address)?))
}
