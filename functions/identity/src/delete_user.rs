use ::accounts::end_sessions_until;
use axum::extract::State;
use events::Emit;
use garde::Validate;
use kernel::UserId;
use model::event::{AccessChanged, ProfileChanged};
use model::sign_in::Identifier;
use model::user::{EMAIL_OWNERS, USERS};
use serde::Deserialize;
use utoipa::IntoParams;
use web::{ApiError, App, Caller, Json, Path, Problems, Query};

use crate::accounts::AccountKey;
use crate::admin::{Admin, below};
use crate::wire::{SUCCEEDED, Succeeded};

/// What becomes of the address.
#[derive(Debug, Deserialize, Validate, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteUserQuery {
    /// `true` lets somebody register with the account's e-mail address again, now or by a second call later on. Unless
    /// told, the address stays taken.
    #[serde(default)]
    #[garde(skip)]
    release_address: bool,
}

/// Delete a user
///
/// Closes an account below the caller's rank for good and ends its sessions at once. Its documents stay, since charts and
/// chats name it; it is in no list any more. Deleting again changes nothing more. For administrators.
#[utoipa::path(
    delete, path = "/api/v1/users/{userId}", tag = "users", security(("bearer" = [])),
    params(("userId" = UserId, Path, description = "The user")),
    responses((status = 200, body = Succeeded, description = "Deleted"), Problems),
)]
pub(crate) async fn delete_user(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(user_id): Path<UserId>,
    Query(query): Query<DeleteUserQuery>,
) -> Result<Json<Succeeded>, ApiError> {
    caller.trail.action("user.delete").entity("user", &user_id);
    let address = if query.release_address { address_index(&app, &caller, &user_id).await? } else { None };
    let at = app.now();
    let profile_changed = app.occurs(ProfileChanged { user_id: user_id.clone() });
    let access_changed = app.occurs(AccessChanged { user_id: user_id.clone(), at, except: None });
    caller
        .store
        .transact("delete-user", async |tx| {
            let (_, mut user) = below(&caller, &tx, &user_id).await?;
            if let Some(address) = &address
                && tx.get(&EMAIL_OWNERS, address).await?.is_some_and(|doc| doc.value.user_id == user_id)
            {
                tx.delete(&EMAIL_OWNERS, address);
            }
            if user.deleted_at.is_none() {
                user.active = false;
                user.deleted_at = Some(at);
                user.updated_at = at;
                tx.put(&USERS, user_id.as_str(), &user)?;
                tx.emit(&profile_changed)?;
                tx.emit(&access_changed)?;
            }
            Ok::<_, ApiError>(())
        })
        .await?;
    end_sessions_until(&app, &caller.store, &user_id, at, None).await?;
    Ok(Json(SUCCEEDED))
}

/// Where it is written that the address is taken.
async fn address_index(app: &App, caller: &Caller, user_id: &UserId) -> Result<Option<String>, ApiError> {
    let Some(user) = caller.store.get(&USERS, user_id.as_str()).await?.map(|doc| doc.value) else { return Ok(None) };
    let key = AccountKey::of(app, &caller.store, user_id).await?;
    key.index_of(app, &caller.store, &user, Identifier::Email).await
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::TestApp;

    use crate::testing::{self, PASSWORD};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_deleted_account_is_closed_and_listed_nowhere, an_address_stays_taken_unless_told, only_admins_delete,
    }

    const EMAIL: &str = "pat@example.com";

    async fn registered(app: &TestApp) -> (Value, String) {
        let made = testing::register(app, EMAIL, Role::Patient).await;
        let path = format!("/api/v1/users/{}", made["data"]["id"].as_str().unwrap());
        (made, path)
    }

    async fn a_deleted_account_is_closed_and_listed_nowhere(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        let (pat, path) = registered(&app).await;
        assert_eq!(app.delete(&path).by(&admin).expect(200).await, json!({"success": true}));
        testing::get_as(&app, &pat, "/api/v1/users/me").refused(401, "UNAUTHORIZED").await;
        app.post("/api/v1/auth/refresh").json(&testing::refresh_body(&pat)).refused(401, "UNAUTHORIZED").await;
        let login = json!({"email": EMAIL, "password": PASSWORD});
        app.post("/api/v1/auth/login").json(&login).refused(401, "UNAUTHORIZED").await;
        for query in ["", "?search=ann", "?active=false"] {
            let list = app.get(&format!("/api/v1/users{query}")).by(&admin).expect(200).await;
            assert!(!list.to_string().contains(EMAIL), "{list}");
        }
        let kept = app.get(&path).by(&admin).expect(200).await;
        assert_eq!((&kept["active"], &kept["deletedAt"]), (&json!(false), &json!(app.app.now())));
        app.put(&path).by(&admin).json(&json!({"active": true})).refused(404, "NOT_FOUND").await;
        app.delete(&path).by(&admin).expect(200).await;
    }

    async fn an_address_stays_taken_unless_told(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        let (_, path) = registered(&app).await;
        app.delete(&path).by(&admin).expect(200).await;
        let again = json!({"name": "Pat", "email": EMAIL, "password": PASSWORD, "role": "Patient"});
        app.post("/api/v1/auth/register").json(&again).refused(409, "DUPLICATE_ENTRY").await;
        app.delete(&format!("{path}?releaseAddress=true")).by(&admin).expect(200).await;
        app.post("/api/v1/auth/register").json(&again).expect(201).await;
        app.delete(&format!("{path}?releaseAddress=true")).by(&admin).expect(200).await;
        app.post("/api/v1/auth/register").json(&again).refused(409, "DUPLICATE_ENTRY").await;
    }

    async fn only_admins_delete(app: TestApp) {
        let (pat, path) = registered(&app).await;
        app.delete(&path).refused(401, "UNAUTHORIZED").await;
        testing::request_as(&app, &pat, http::Method::DELETE, &path).refused(403, "FORBIDDEN").await;
        let admin = app.user(Role::Admin, "Ada").await;
        app.delete("/api/v1/users/nobody").by(&admin).refused(404, "NOT_FOUND").await;
        app.delete(&format!("{path}?force=true")).by(&admin).refused(400, "VALIDATION_ERROR").await;
    }
}
