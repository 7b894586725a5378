use ::accounts::search_words;
use axum::extract::State;
use events::Emit;
use garde::Validate;
use kernel::{Phi, Phone};
use model::event::ProfileChanged;
use model::sign_in::{PHONE_INDEX, PHONE_OWNERS};
use model::user::{USERS, User};
use serde::Deserialize;
use store::Transaction;
use utoipa::ToSchema;
use vault::BlindIndex;
use web::{ApiError, App, Caller, Json, Problems};

use crate::accounts::{AccountKey, or_closed};
use crate::get_my_profile::MyProfile;
use crate::rules;
use crate::wire::present;

/// What changes; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateMyProfile {
    /// The name that others see.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(custom(rules::person_name)))]
    #[schema(value_type = String, required = false, example = "John Doe Updated", min_length = 1, max_length = 255)]
    name: Option<String>,
    /// The telephone number, with the country code; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "+9876543210")]
    phone_number: Option<Option<String>>,
    /// The professional title; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::title))))]
    #[schema(value_type = Option<String>, example = "MD, PhD", max_length = 100)]
    title: Option<Option<String>>,
}

/// Update my profile
///
/// Answers the profile as it is then. Another telephone number signs in to nothing until it is verified, which takes the
/// password: POST /api/v1/auth/verify-otp.
#[utoipa::path(
    put, path = "/api/v1/users/me", tag = "users", security(("bearer" = [])),
    request_body = UpdateMyProfile,
    responses((status = 200, body = MyProfile, description = "The profile"), Problems),
)]
pub(crate) async fn update_my_profile(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<UpdateMyProfile>,
) -> Result<Json<MyProfile>, ApiError> {
    let key = AccountKey::of(&app, &caller.store, caller.user()).await?;
    let phone_number =
        body.phone_number.map(|text| text.as_deref().map(rules::phone_number).transpose()).transpose()?;
    let name = body.name.map(|name| Phi::new(name.trim().to_owned()));
    let index = app.vault.blind_index(&caller.store).await?;
    let new_name = name.as_ref().map(|name| key.seal("name", name));
    let new_phone = phone_number.as_ref().map(|phone| phone.as_ref().map(|phone: &Phone| key.seal_phone(phone)));
    let new_title = body.title.map(|title| title.map(|title| title.trim().to_owned()));
    let changed = app.occurs(ProfileChanged { user_id: caller.user().clone() });
    let id = caller.user().as_str();
    caller.trail.action("profile.update").entity("user", id);
    let blind = app.vault.blind_index(&caller.store).await?;
    let user = caller
        .store
        .transact("update-profile", async |tx| {
            let mut user = or_closed(tx.get(&USERS, id).await?.map(|doc| doc.value))?;
            let old_name = key.open("name", &user.name)?;
            if let Some(name) = name.as_ref().filter(|name| **name != old_name) {
                user.words = search_words(&index, name, &key.open_email(&user)?);
                tx.emit(&changed)?;
            }
            if let Some(new) = &phone_number {
                forget_number(&tx, &key, &blind, &mut user, new.as_ref()).await?;
            }
            user.name = new_name.clone().unwrap_or(user.name);
            user.phone_number = new_phone.clone().unwrap_or(user.phone_number);
            user.title = new_title.clone().unwrap_or(user.title);
            user.updated_at = app.now();
            tx.put(&USERS, id, &user)?;
            Ok::<_, ApiError>(user)
        })
        .await?;
    Ok(Json(MyProfile::open(&app, &key, user).await?))
}

/// A number that is not the account's any more neither counts as verified nor signs in.
async fn forget_number(
    tx: &Transaction,
    key: &AccountKey<'_>,
    blind: &BlindIndex,
    user: &mut User,
    new: Option<&Phone>,
) -> Result<(), ApiError> {
    let (Some(old), Some(_)) = (&user.phone_number, user.sign_in.phone_verified_at) else { return Ok(()) };
    let old = key.open("phoneNumber", old)?;
    if new.is_some_and(|new| new.disclose() == old.disclose()) {
        return Ok(());
    }
    let index = blind.exact(PHONE_INDEX, old.disclose());
    if let Some(mut owners) = tx.get(&PHONE_OWNERS, &index).await?.map(|doc| doc.value) {
        owners.user_ids.retain(|owner| owner != key.user());
        match owners.user_ids.is_empty() {
            true => tx.delete(&PHONE_OWNERS, &index),
            false => tx.put(&PHONE_OWNERS, &index, &owners)?,
        }
    }
    user.sign_in.phone_verified_at = None;
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::Method;
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestRequest};

    use crate::testing;

    testkit::on_both_platforms! {
        functions: crate::testing::with_recorder;
        what_is_named_changes, others_hear_of_a_new_name_only, what_is_wrong_is_named, two_at_once_lose_nothing,
        the_same_key_takes_effect_once, another_number_is_not_verified,
    }

    fn put(app: &TestApp, tokens: &Value, body: Value) -> TestRequest {
        testing::request_as(app, tokens, Method::PUT, "/api/v1/users/me").json(&body)
    }

    async fn what_is_named_changes(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let all = json!({"name": " Ann B. Lee ", "phoneNumber": "+98 7654-3210", "title": "RN"});
        let updated = put(&app, &ann, all).expect(200).await;
        let fields = |profile: &Value| json!([profile["name"], profile["phoneNumber"], profile["title"]]);
        assert_eq!(fields(&updated), json!(["Ann B. Lee", "+9876543210", "RN"]));
        assert_eq!(testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await, updated);
        let updated = put(&app, &ann, json!({"title": "NP"})).expect(200).await;
        assert_eq!(fields(&updated), json!(["Ann B. Lee", "+9876543210", "NP"]));
        let updated = put(&app, &ann, json!({"phoneNumber": null, "title": null})).expect(200).await;
        assert_eq!(fields(&updated), json!(["Ann B. Lee", null, null]));
        assert_eq!(put(&app, &ann, json!({})).expect(200).await, updated);
        assert_eq!(testing::audit(&app, "profile.update").await.len(), 4);
    }

    async fn others_hear_of_a_new_name_only(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        put(&app, &ann, json!({"title": "RN"})).expect(200).await;
        put(&app, &ann, json!({"name": "Ann Lee"})).expect(200).await;
        assert!(testing::changed_profiles(&app).await.is_empty());
        put(&app, &ann, json!({"name": "Ann Lee-Smith"})).expect(200).await;
        assert_eq!(testing::changed_profiles(&app).await, [ann["data"]["id"].as_str().unwrap()]);
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        for (field, wrong) in [
            ("name", json!(null)),
            ("name", json!("")),
            ("name", json!("a\nb")),
            ("name", json!(["Ann"])),
            ("phoneNumber", json!("555-0142")),
            ("phoneNumber", json!(15_550_142_877_u64)),
            ("title", json!(" ")),
            ("title", json!("x".repeat(101))),
            ("role", json!("Admin")),
            ("email", json!("new@example.com")),
            ("verified", json!(true)),
        ] {
            let named = put(&app, &ann, json!({field: wrong.clone()})).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field, "{wrong}");
        }
        app.put("/api/v1/users/me").json(&json!({})).refused(401, "UNAUTHORIZED").await;
    }

    async fn two_at_once_lose_nothing(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let one = put(&app, &ann, json!({"title": "RN"})).expect(200);
        let other = put(&app, &ann, json!({"phoneNumber": "+15550142877"})).expect(200);
        tokio::join!(one, other);
        let me = testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await;
        assert_eq!((&me["title"], &me["phoneNumber"]), (&json!("RN"), &json!("+15550142877")));
    }

    async fn the_same_key_takes_effect_once(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let first = put(&app, &ann, json!({"name": "Ann One"})).header("idempotency-key", "k1").expect(200).await;
        put(&app, &ann, json!({"name": "Ann Two"})).expect(200).await;
        let again = put(&app, &ann, json!({"name": "Ann One"})).header("idempotency-key", "k1").expect(200).await;
        assert_eq!(again, first);
        assert_eq!(testing::get_as(&app, &ann, "/api/v1/users/me").expect(200).await["name"], "Ann Two");
    }

    async fn another_number_is_not_verified(app: TestApp) {
        let ann = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let number = "+15550142877";
        put(&app, &ann, json!({"phoneNumber": number})).expect(200).await;
        testing::verify_number(&app, &ann, number).await;
        let same = put(&app, &ann, json!({"phoneNumber": "+1 555 014-2877", "title": "RN"})).expect(200).await;
        assert_eq!(same["phoneVerified"], true);
        let other = put(&app, &ann, json!({"phoneNumber": "+15550142878"})).expect(200).await;
        assert_eq!(other["phoneVerified"], false);
        app.clock.advance(std::time::Duration::from_secs(60));
        let before = app.sent().await.len();
        testing::request_code(&app, json!({"phoneNumber": number})).await;
        assert_eq!(app.sent().await.len(), before, "the old number signs in to nothing");
    }
}
