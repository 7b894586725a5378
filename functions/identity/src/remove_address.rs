use kernel::AddressId;
use model::address::ADDRESS_BOOKS;
use web::{ApiError, Caller, Json, Path, Problems};

use crate::wire::{SUCCEEDED, Succeeded};

/// Remove an address
///
/// Where it was the default one, the oldest of the others is from now on.
#[utoipa::path(
    delete, path = "/api/v1/users/me/addresses/{addressId}", tag = "users", security(("bearer" = [])),
    params(("addressId" = AddressId, Path, description = "The address")),
    responses((status = 200, body = Succeeded, description = "Removed"), Problems),
)]
pub(crate) async fn remove_address(
    caller: Caller,
    Path(address_id): Path<AddressId>,
) -> Result<Json<Succeeded>, ApiError> {
    caller.trail.action("address.remove").entity("address", &address_id);
    let user = caller.user().as_str();
    caller
        .store
        .transact("remove-address", async |tx| {
            let found = tx.get(&ADDRESS_BOOKS, user).await?.map(|doc| doc.value);
            let mut book = found.ok_or_else(|| ApiError::not_found("address"))?;
            if !book.remove(&address_id) {
                return Err(ApiError::not_found("address"));
            }
            tx.put(&ADDRESS_BOOKS, user, &book)?;
            Ok::<_, ApiError>(())
        })
        .await?;
    Ok(Json(SUCCEEDED))
}
