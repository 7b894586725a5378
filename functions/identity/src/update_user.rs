use ::accounts::{Counter, Posted, end_sessions_until};
use axum::extract::State;
use events::{Delivery, Emit, Failure};
use garde::Validate;
use kernel::{Role, UserId};
use model::event::{AccessChanged, ProfileChanged};
use model::user::{USERS, User};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Job, Json, Path, Problems, Record};

use crate::accounts::AccountKey;
use crate::admin::{Admin, below, may_give};
use crate::user_view::{UserDetails, open};
use crate::wire::present;
use crate::{mail, rules};

/// What changes; what is not named stays.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UpdateUserBody {
    /// Any role up to your own. Whoever was none of the staff waits for `verified`, unless it is given too.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = Role, required = false, example = "Nurse")]
    role: Option<Role>,
    /// Whether the account can be signed in to.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = true)]
    active: Option<bool>,
    /// Whether the person, one of the staff, may see patients' data.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = true)]
    verified: Option<bool>,
    /// The professional title; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[garde(inner(inner(custom(rules::title))))]
    #[schema(value_type = Option<String>, example = "MD, PhD", max_length = 100)]
    title: Option<Option<String>>,
    /// `true` switches the second factor off, for somebody who has lost it: the password alone signs in then. The person
    /// is told by e-mail.
    #[serde(default, deserialize_with = "present")]
    #[garde(skip)]
    #[schema(value_type = bool, required = false, example = true)]
    reset_mfa: Option<bool>,
}

impl UpdateUserBody {
    fn apply(&self, user: &mut User) {
        let role = self.role.unwrap_or(user.role);
        // Patients and relatives count as verified from the start, which says nothing of them as staff.
        let becomes_staff = role.is_staff() && !user.role.is_staff();
        user.verified = self.verified.unwrap_or(user.verified && !becomes_staff);
        user.role = role;
        user.active = self.active.unwrap_or(user.active);
        if self.resets_mfa() {
            (user.sign_in.mfa, user.sign_in.mfa_offered) = (None, None);
        }
        if let Some(title) = &self.title {
            user.title = title.as_ref().map(|title| title.trim().to_owned());
        }
    }

    fn resets_mfa(&self) -> bool {
        self.reset_mfa == Some(true)
    }
}

/// What an account's tokens say, and by what they were had.
const fn access(user: &User) -> (Role, bool, bool, bool) {
    (user.role, user.verified, user.active, user.sign_in.mfa.is_some())
}

/// Update a user
///
/// Changes the role, the verification or the state of an account below the caller's rank, or switches its second factor
/// off. Where one of these changes, the
/// person's sessions end at once. Answers the account as it is then. For administrators.
#[utoipa::path(
    put, path = "/api/v1/users/{userId}", tag = "users", security(("bearer" = [])),
    params(("userId" = UserId, Path, description = "The user")),
    request_body = UpdateUserBody,
    responses((status = 200, body = UserDetails, description = "The account"), Problems),
)]
pub(crate) async fn update_user(
    State(app): State<App>,
    Admin(caller): Admin,
    Path(user_id): Path<UserId>,
    Json(body): Json<UpdateUserBody>,
) -> Result<Json<UserDetails>, ApiError> {
    caller.trail.action("user.update").entity("user", &user_id);
    let at = app.now();
    let profile_changed = app.occurs(ProfileChanged { user_id: user_id.clone() });
    let access_changed = app.occurs(AccessChanged { user_id: user_id.clone(), at, except: None });
    let told = if body.resets_mfa() { tell_of_reset(&app, &caller, &user_id).await? } else { None };
    let reset =
        app.entry("auth.mfa-reset", caller.trail.client()).by(&caller.principal).entity("user", user_id.as_str());
    let (before, after) = caller
        .store
        .transact("update-user", async |tx| {
            let (own, before) = below(&caller, &tx, &user_id).await?;
            if before.deleted_at.is_some() {
                return Err(ApiError::not_found("user"));
            }
            if let Some(role) = body.role {
                may_give(own, role).inspect_err(|_| {
                    caller.trail.denied("rank");
                })?;
            }
            let mut after = before.clone();
            body.apply(&mut after);
            if after == before {
                return Ok((before, after));
            }
            after.updated_at = at;
            tx.put(&USERS, user_id.as_str(), &after)?;
            if before.sign_in.mfa.is_some() && after.sign_in.mfa.is_none() {
                Counter::of_user(&user_id).clear(&tx);
                told.iter().try_for_each(|letter| letter.save(&tx))?;
                tx.record(&reset)?;
            }
            if (before.role, before.active) != (after.role, after.active) {
                tx.emit(&profile_changed)?;
            }
            if access(&before) != access(&after) {
                tx.emit(&access_changed)?;
            }
            Ok::<_, ApiError>((before, after))
        })
        .await?;
    if access(&before) != access(&after) {
        end_sessions_until(&app, &caller.store, &user_id, at, None).await?;
    }
    Ok(Json(open(&app, &caller.store, &user_id, after).await?))
}

/// The letter to somebody whose second factor is switched off, ready to be sent with that.
async fn tell_of_reset(app: &App, caller: &Caller, id: &UserId) -> Result<Option<Posted>, ApiError> {
    let found = caller.store.get(&USERS, id.as_str()).await?.map(|doc| doc.value);
    let Some(user) = found.filter(|user| user.sign_in.mfa.is_some()) else { return Ok(None) };
    let key = AccountKey::of(app, &caller.store, id).await?;
    let letter = mail::mfa_reset(key.open("email", &user.email)?);
    Ok(Some(letter.seal(app, caller.tenant(), id, key.subject_key())))
}

/// Ends the sessions of an account whose rights changed, where the request that changed them did not come to it.
pub(crate) async fn end_outdated_sessions(job: Job, delivery: Delivery<AccessChanged>) -> Result<(), Failure> {
    let AccessChanged { user_id, at, except } = &delivery.event;
    Ok(end_sessions_until(&job.app, &job.store, user_id, *at, except.as_ref()).await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::event::AccessChanged;
    use model::user::USERS;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestRequest, TestUser};

    use crate::testing;

    testkit::on_both_platforms! {
        functions: crate::testing::with_recorder;
        what_is_named_changes_and_sessions_end, a_title_ends_no_session, rank_is_held, a_lost_factor_is_switched_off,
        the_last_admin_stays, a_crash_in_between_still_ends_sessions, what_is_wrong_is_named,
        another_instance_hears_within_seconds, who_becomes_staff_waits_for_verification,
        a_lost_factor_is_switched_off,
    }

    fn put(app: &TestApp, by: &TestUser, whom: &TestUser, body: Value) -> TestRequest {
        app.put(&format!("/api/v1/users/{}", whom.id)).by(by).json(&body)
    }

    async fn me(app: &TestApp, user: &TestUser) -> u16 {
        app.get("/api/v1/users/me").by(user).send().await.status.as_u16()
    }

    async fn what_is_named_changes_and_sessions_end(app: TestApp) {
        let (admin, dan) = (app.user(Role::Admin, "Ada").await, app.user_verified(Role::Doctor, "Dan", false).await);
        let phone = app.sign_in_again(&dan).await;
        assert_eq!((me(&app, &dan).await, me(&app, &phone).await), (200, 200));
        let seen =
            put(&app, &admin, &dan, json!({"verified": true, "role": "Nurse", "title": " RN "})).expect(200).await;
        assert_eq!(json!([seen["role"], seen["verified"], seen["title"]]), json!(["Nurse", true, "RN"]));
        assert_eq!((me(&app, &dan).await, me(&app, &phone).await), (401, 401));
        let mut ended = [dan.session.to_string(), phone.session.to_string()];
        ended.sort();
        assert_eq!(testing::ended_sessions(&app).await, ended);
        assert_eq!(testing::changed_profiles(&app).await, [dan.id.to_string()]);

        app.clock.advance(Duration::from_secs(1));
        let dan = app.sign_in_again(&dan).await;
        put(&app, &admin, &dan, json!({"active": false})).expect(200).await;
        assert_eq!(me(&app, &dan).await, 401);
        let closed = put(&app, &admin, &dan, json!({"active": true})).expect(200).await;
        assert_eq!(closed["active"], true);
        assert_eq!(me(&app, &app.sign_in_again(&dan).await).await, 200);
    }

    async fn a_title_ends_no_session(app: TestApp) {
        let (admin, dan) = (app.user(Role::Admin, "Ada").await, app.user(Role::Doctor, "Dan").await);
        put(&app, &admin, &dan, json!({"title": "MD", "role": "Doctor", "active": true})).expect(200).await;
        assert_eq!(put(&app, &admin, &dan, json!({"title": null})).expect(200).await["title"], Value::Null);
        assert_eq!(me(&app, &dan).await, 200);
        assert!(testing::changed_profiles(&app).await.is_empty());
    }

    async fn rank_is_held(app: TestApp) {
        let admins = [Role::Admin, Role::ClinicAdmin, Role::SuperAdmin];
        for (rank, own) in admins.into_iter().enumerate() {
            let by = app.user(own, "By").await;
            for (other_rank, other) in admins.into_iter().enumerate() {
                let whom = app.user(other, "Whom").await;
                let response = put(&app, &by, &whom, json!({"verified": false})).send().await;
                assert_eq!(response.status == 200, other_rank < rank, "{own} changes {other}: {}", response.body);
            }
            let nurse = app.user(Role::Nurse, "Nia").await;
            for (given_rank, given) in admins.into_iter().enumerate() {
                let response = put(&app, &by, &nurse, json!({"role": given})).send().await;
                // Once the nurse has the caller's own rank, nothing more can be changed.
                assert_eq!(response.status == 200, given_rank <= rank, "{own} gives {given}: {}", response.body);
            }
            put(&app, &by, &by, json!({"role": "Patient"})).refused(403, "FORBIDDEN").await;
        }
        let doctor = app.user(Role::Doctor, "Dan").await;
        put(&app, &doctor, &doctor, json!({"verified": true})).refused(403, "FORBIDDEN").await;
    }

    async fn a_lost_factor_is_switched_off(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        let nia = testing::register(&app, "nia@example.com", Role::Nurse).await;
        testing::enable_mfa(&app, &nia).await;
        let path = format!("/api/v1/users/{}", nia["data"]["id"].as_str().unwrap());
        let reset = |by: &TestUser| app.put(&path).by(by).json(&json!({"resetMfa": true}));
        reset(&app.user(Role::Doctor, "Dan").await).refused(403, "FORBIDDEN").await;
        app.put(&path).by(&admin).json(&json!({"resetMfa": false})).expect(200).await;
        testing::get_as(&app, &nia, "/api/v1/users/me").expect(200).await;
        reset(&admin).expect(200).await;
        testing::get_as(&app, &nia, "/api/v1/users/me").refused(401, "UNAUTHORIZED").await;
        let told = app.sent().await.last().unwrap().clone();
        assert_eq!((told.kind.as_str(), told.to.disclose().as_str()), ("second-factor", "nia@example.com"));
        let entries = testing::audit(&app, "auth.mfa-reset").await;
        assert_eq!((entries.len(), entries[0].user_id.as_ref()), (1, Some(&admin.id)));
        app.clock.advance(Duration::from_secs(1));
        let again = testing::login(&app, "nia@example.com").await;
        assert_eq!(testing::get_as(&app, &again, "/api/v1/users/me").expect(200).await["mfaEnabled"], false);
        reset(&admin).expect(200).await;
        assert_eq!(testing::audit(&app, "auth.mfa-reset").await.len(), 1, "there was none any more");
        testing::get_as(&app, &again, "/api/v1/users/me").expect(200).await;
        let above = app.user(Role::ClinicAdmin, "Cy").await;
        app.put(&format!("/api/v1/users/{}", above.id))
            .by(&admin)
            .json(&json!({"resetMfa": true}))
            .refused(403, "FORBIDDEN")
            .await;
    }

    async fn the_last_admin_stays(app: TestApp) {
        let one = app.user(Role::ClinicAdmin, "One").await;
        let other = app.user(Role::ClinicAdmin, "Other").await;
        for (by, whom) in [(&one, &other), (&other, &one), (&one, &one)] {
            put(&app, by, whom, json!({"active": false})).refused(403, "FORBIDDEN").await;
            app.delete(&format!("/api/v1/users/{}", whom.id)).by(by).refused(403, "FORBIDDEN").await;
        }
    }

    async fn a_crash_in_between_still_ends_sessions(app: TestApp) {
        let dan = app.user(Role::Doctor, "Dan").await;
        let at = app.app.now();
        // The commit without what the request does after it.
        let changed = app.app.occurs(AccessChanged { user_id: dan.id.clone(), at, except: None });
        let committed = app.store.transact("test", async |tx| {
            let mut user = tx.get(&USERS, dan.id.as_str()).await?.unwrap().value;
            user.active = false;
            tx.put(&USERS, dan.id.as_str(), &user)?;
            events::Emit::emit(&tx, &changed)
        });
        committed.await.unwrap();
        app.settle().await;
        assert_eq!(me(&app, &dan).await, 401);
        assert_eq!(testing::ended_sessions(&app).await, [dan.session.to_string()]);
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let (admin, dan) = (app.user(Role::Admin, "Ada").await, app.user(Role::Doctor, "Dan").await);
        for (field, wrong) in [
            ("role", json!(null)),
            ("role", json!("Wizard")),
            ("active", json!("no")),
            ("verified", json!(null)),
            ("title", json!(" ")),
            ("name", json!("Dan Two")),
            ("email", json!("x@example.com")),
        ] {
            assert_eq!(put(&app, &admin, &dan, json!({field: wrong})).refused(400, "VALIDATION_ERROR").await, field);
        }
        let nobody = app.put("/api/v1/users/nobody").by(&admin).json(&json!({"active": false}));
        nobody.refused(404, "NOT_FOUND").await;
    }

    async fn who_becomes_staff_waits_for_verification(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        for (from, body, verified) in [
            (Role::Patient, json!({"role": "Doctor"}), false),
            (Role::Family, json!({"role": "Receptionist", "title": "X"}), false),
            (Role::Family, json!({"role": "Nurse", "verified": true}), true),
            (Role::Patient, json!({"role": "Family"}), true),
            (Role::Nurse, json!({"role": "Assistant"}), true),
        ] {
            let whom = app.user(from, "Whom").await;
            assert_eq!(put(&app, &admin, &whom, body).expect(200).await["verified"], verified, "{from}");
            let stored = app.store.get(&USERS, whom.id.as_str()).await.unwrap().unwrap().value;
            assert_eq!(stored.may_see_phi(), verified, "{from}");
        }
    }

    async fn another_instance_hears_within_seconds(app: TestApp) {
        let (admin, dan) = (app.user(Role::Admin, "Ada").await, app.user(Role::Doctor, "Dan").await);
        let second = app.second_instance(vec![crate::function()]).await;
        assert_eq!(me(&second, &dan).await, 200);
        put(&app, &admin, &dan, json!({"role": "Nurse"})).expect(200).await;
        app.clock.advance(Duration::from_secs(15));
        assert_eq!(me(&second, &dan).await, 401);
    }
}
