use axum::extract::State;
use kernel::UserId;
use model::user::{USERS, User};
use serde::Serialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Path, Problems};

use crate::acquainted::are_acquainted;
use crate::user_view::{UserCard, UserDetails, open};

/// As much of an account as the caller may see.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ShownUser {
    /// To administrators, and of one's own account.
    Details(UserDetails),
    /// To those who share a chat or a patient with the person.
    Card(UserCard),
}

/// A user
///
/// Everything to administrators; name, role, title and picture to those who share a chat or a patient with the person. To
/// all others there is no such user.
#[utoipa::path(
    get, path = "/api/v1/users/{userId}", tag = "users", security(("bearer" = [])),
    params(("userId" = UserId, Path, description = "The user")),
    responses((status = 200, body = ShownUser, description = "The user"), Problems),
)]
pub(crate) async fn get_user(
    State(app): State<App>,
    caller: Caller,
    Path(user_id): Path<UserId>,
) -> Result<Json<ShownUser>, ApiError> {
    let store = &caller.store;
    let is_admin = caller.principal.role.is_admin() && caller.principal.verified;
    let sees_all = is_admin || user_id == *caller.user();
    if user_id != *caller.user() {
        caller.must_see_phi()?;
        caller.trail.action("user.read").entity("user", &user_id);
    }
    let found = store.get(&USERS, user_id.as_str()).await?.map(|doc| doc.value);
    let found = found.filter(|user| is_admin || is_listed(user));
    let Some(user) = found else { return Err(ApiError::not_found("user")) };
    if !sees_all && !are_acquainted(&app, store, caller.user(), &user_id).await? {
        caller.trail.denied("not-acquainted");
        return Err(ApiError::not_found("user"));
    }
    let details = open(&app, store, &user_id, user).await?;
    Ok(Json(if sees_all { ShownUser::Details(details) } else { ShownUser::Card(details.into()) }))
}

/// Whether the account is in the directory at all.
const fn is_listed(user: &User) -> bool {
    user.active && user.deleted_at.is_none()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::audit::AUDIT;
    use model::chat::ChatType;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        admins_see_everything, who_shares_a_chat_sees_a_card, who_shares_a_patient_sees_a_card,
        to_strangers_there_is_nobody, looking_somebody_up_is_audited,
    }

    fn path(user: &TestUser) -> String {
        format!("/api/v1/users/{}", user.id)
    }

    fn card(user: &TestUser, role: Role) -> Value {
        json!({"id": user.id, "name": user.name, "role": role, "title": null, "avatar": null})
    }

    async fn admins_see_everything(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        let doctor = app.user(Role::Doctor, "Dan").await;
        let seen = app.get(&path(&doctor)).by(&admin).expect(200).await;
        assert_eq!((&seen["email"], &seen["active"]), (&json!(format!("{}@example.com", doctor.id)), &json!(true)));
        assert_eq!(app.get(&path(&doctor)).by(&doctor).expect(200).await, seen, "and everybody their own account");
    }

    async fn who_shares_a_chat_sees_a_card(app: TestApp) {
        let (dan, pat) = (app.user(Role::Doctor, "Dan").await, app.user(Role::Patient, "Pat").await);
        let chat = app.chat(ChatType::Direct, None, &[&dan.id, &pat.id]).await;
        assert_eq!(app.get(&path(&dan)).by(&pat).expect(200).await, card(&dan, Role::Doctor));
        assert_eq!(app.get(&path(&pat)).by(&dan).expect(200).await, card(&pat, Role::Patient));
        app.leave(&chat, &pat).await;
        app.get(&path(&dan)).by(&pat).refused(404, "NOT_FOUND").await;
        app.get(&path(&pat)).by(&dan).refused(404, "NOT_FOUND").await;

        let gone = app.chat(ChatType::Direct, None, &[&dan.id, &pat.id]).await;
        let now = app.app.now();
        app.change_chat(&gone, |chat| chat.deleted_at = Some(now)).await;
        app.get(&path(&dan)).by(&pat).refused(404, "NOT_FOUND").await;
    }

    async fn who_shares_a_patient_sees_a_card(app: TestApp) {
        let (dan, nia) = (app.user(Role::Doctor, "Dan").await, app.user(Role::Nurse, "Nia").await);
        let (pat, other) = (app.user(Role::Patient, "Pat").await, app.user(Role::Nurse, "Olga").await);
        let now = app.app.now();
        let patient = app.patient(&dan, "Pat").await;
        app.link(&patient, &pat.id).await;
        app.change_patient(&patient, |patient| {
            patient.circle.emergencies.push(model::patient::Emergency {
                id: "e1".parse().unwrap(),
                user_id: nia.id.clone(),
                from: now,
                until: now.plus(Duration::from_secs(3600)),
            });
        })
        .await;
        for (by, whom, role) in [(&pat, &dan, Role::Doctor), (&dan, &pat, Role::Patient), (&nia, &dan, Role::Doctor)] {
            assert_eq!(app.get(&path(whom)).by(by).expect(200).await, card(whom, role));
        }
        app.get(&path(&dan)).by(&other).refused(404, "NOT_FOUND").await;
        app.clock.advance(Duration::from_secs(3600));
        let nia = app.sign_in_again(&nia).await;
        app.get(&path(&dan)).by(&nia).refused(404, "NOT_FOUND").await;
    }

    async fn to_strangers_there_is_nobody(app: TestApp) {
        let (dan, stranger) = (app.user(Role::Doctor, "Dan").await, app.user(Role::Patient, "Sam").await);
        let hidden = app.get(&path(&dan)).by(&stranger).send().await;
        let missing = app.get("/api/v1/users/00000000-0000-4000-8000-000000000000").by(&stranger).send().await;
        assert_eq!((hidden.status.as_u16(), &hidden.body["error"]), (404, &missing.body["error"]));
        let unverified = app.user_verified(Role::Doctor, "Una", false).await;
        app.get(&path(&dan)).by(&unverified).refused(403, "FORBIDDEN").await;
        app.get("/api/v1/users/a.b").by(&stranger).refused(400, "VALIDATION_ERROR").await;
        app.get(&path(&dan)).refused(401, "UNAUTHORIZED").await;
    }

    async fn looking_somebody_up_is_audited(app: TestApp) {
        let (admin, dan) = (app.user(Role::Admin, "Ada").await, app.user(Role::Doctor, "Dan").await);
        let stranger = app.user(Role::Patient, "Sam").await;
        app.get(&path(&dan)).by(&admin).expect(200).await;
        app.get(&path(&dan)).by(&stranger).expect(404).await;
        app.get(&path(&dan)).by(&dan).expect(200).await;
        let mut entries: Vec<Value> = app
            .store
            .query(&AUDIT, &AUDIT.all())
            .await
            .unwrap()
            .into_iter()
            .map(|doc| json!([doc.value.action, doc.value.entity_id, doc.value.user_id, doc.value.refusal]))
            .collect();
        entries.sort_by_key(|entry| entry[3].to_string());
        let denied = json!(["user.read", dan.id, stranger.id, "not-acquainted"]);
        assert_eq!(entries, [denied, json!(["user.read", dan.id, admin.id, null])]);
    }
}
