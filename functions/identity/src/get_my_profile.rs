use axum::extract::State;
use kernel::{Role, Time, UserId};
use model::user::User;
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

use crate::accounts::{AccountKey, find_own};
use crate::avatars;

/// The caller's own account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MyProfile {
    /// The user's id.
    id: UserId,
    /// The name that others see.
    #[schema(example = "John Doe")]
    name: String,
    /// The e-mail address, in lower case.
    #[schema(example = "john@example.com")]
    email: String,
    /// What the user is in this clinic.
    #[schema(example = "Doctor")]
    role: Role,
    /// A professional title.
    #[schema(example = "MD")]
    title: Option<String>,
    /// The telephone number, with the country code.
    #[schema(example = "+15550142877")]
    phone_number: Option<String>,
    /// A URL of the avatar image, which holds for at least a day.
    avatar: Option<String>,
    /// Whether a second factor is asked for at sign-in.
    #[schema(example = false)]
    mfa_enabled: bool,
    /// Whether the e-mail address was shown to be the user's.
    #[schema(example = true)]
    email_verified: bool,
    /// Whether the telephone number was; only then it signs in.
    #[schema(example = false)]
    phone_verified: bool,
    /// Whether an administrator has verified the account. Staff who are not see nobody's data.
    #[schema(example = true)]
    verified: bool,
    /// When the account was made.
    created_at: Time,
}

impl MyProfile {
    /// Discloses an account to its owner.
    pub(crate) async fn open(app: &App, key: &AccountKey<'_>, user: User) -> Result<Self, ApiError> {
        let avatar = avatars::url(app, key.tenant(), key.user(), user.avatar.as_deref()).await?;
        let phone_number = user.phone_number.as_ref().map(|sealed| key.open("phoneNumber", sealed)).transpose()?;
        Ok(Self {
            id: key.user().clone(),
            name: key.open("name", &user.name)?.into_disclosed(),
            email: key.open("email", &user.email)?.into_disclosed(),
            role: user.role,
            title: user.title,
            phone_number: phone_number.map(kernel::Phi::into_disclosed),
            avatar,
            mfa_enabled: user.sign_in.mfa.is_some(),
            email_verified: user.sign_in.email_verified_at.is_some(),
            phone_verified: user.sign_in.phone_verified_at.is_some(),
            verified: user.verified,
            created_at: user.created_at,
        })
    }
}

/// My profile
#[utoipa::path(
    get, path = "/api/v1/users/me", tag = "users", security(("bearer" = [])),
    responses((status = 200, body = MyProfile), Problems),
)]
pub(crate) async fn get_my_profile(State(app): State<App>, caller: Caller) -> Result<Json<MyProfile>, ApiError> {
    let user = find_own(&caller).await?;
    let key = AccountKey::of(&app, &caller.store, caller.user()).await?;
    Ok(Json(MyProfile::open(&app, &key, user).await?))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use store::Counts;
    use testkit::TestApp;

    use crate::testing;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        it_has_the_shape_of_the_api, it_costs_one_read, only_a_session_counts,
    }

    const ME: &str = "/api/v1/users/me";

    async fn it_has_the_shape_of_the_api(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let expected = json!({
            "id": made["data"]["id"], "name": "Ann Lee", "email": "ann@example.com", "role": "Nurse", "title": null,
            "phoneNumber": null, "avatar": null, "mfaEnabled": false, "emailVerified": false,
            "phoneVerified": false, "verified": false, "createdAt": app.app.now(),
        });
        let response = testing::get_as(&app, &made, ME).send().await;
        assert_eq!(response.body, expected);
        assert_eq!(response.headers["cache-control"], "no-store");
    }

    async fn it_costs_one_read(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        testing::get_as(&app, &made, ME).expect(200).await;
        let before = app.store.meter().counts();
        testing::get_as(&app, &made, ME).expect(200).await;
        assert_eq!(app.store.meter().counts() - before, Counts { gets: 1, documents_read: 1, ..Counts::default() });
    }

    async fn only_a_session_counts(app: TestApp) {
        app.get(ME).refused(401, "UNAUTHORIZED").await;
        app.get(ME).header("authorization", "Bearer x").refused(401, "UNAUTHORIZED").await;
        let made = testing::register(&app, "ann@example.com", Role::Patient).await;
        let refresh = made["refreshToken"].as_str().unwrap();
        app.get(ME).header("authorization", &format!("Bearer {refresh}")).refused(401, "UNAUTHORIZED").await;
    }
}
