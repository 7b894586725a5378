use axum::extract::State;
use garde::Validate;
use http::StatusCode;
use kernel::{Phi, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, Json, Problems};

use crate::accounts::{Details, Person, Prepared, or_address_taken};
use crate::admin::{Admin, may_give, own_role};
use crate::invitations::Invitation;
use crate::rules;
use crate::user_view::{UserDetails, open};

/// Someone who gets an account.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CreateUserBody {
    /// The name that others see: 1 to 255 characters.
    #[garde(custom(rules::person_name))]
    #[schema(example = "John Doe", min_length = 1, max_length = 255)]
    name: String,
    /// The address that the invitation goes to; upper and lower case are the same.
    #[garde(skip)]
    #[schema(example = "john@example.com", max_length = 254)]
    email: String,
    /// Any role up to your own.
    #[garde(skip)]
    #[schema(example = "Doctor")]
    role: Role,
    /// Whether the person may see patients' data from the start; yes unless told.
    #[serde(default)]
    #[garde(skip)]
    #[schema(example = true)]
    verified: Option<bool>,
    /// With the country code: `+` and 7 to 15 digits.
    #[serde(default)]
    #[garde(skip)]
    #[schema(example = "+15550142877")]
    phone_number: Option<String>,
    /// A professional title.
    #[serde(default)]
    #[garde(inner(custom(rules::title)))]
    #[schema(example = "MD", max_length = 100)]
    title: Option<String>,
}

/// An account that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedUser {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// The account.
    data: UserDetails,
}

/// Create a user
///
/// Makes an account without a password and invites its person by e-mail to choose one within 7 days. For administrators.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "users", security(("bearer" = [])),
    request_body = CreateUserBody,
    responses((status = 201, body = CreatedUser, description = "Made, and invited"), Problems),
)]
pub(crate) async fn create_user(
    State(app): State<App>,
    Admin(caller): Admin,
    Json(body): Json<CreateUserBody>,
) -> Result<(StatusCode, Json<CreatedUser>), ApiError> {
    caller.trail.action("user.create");
    web::signs_in_here(&app)?;
    may_give(caller.principal.role, body.role).inspect_err(|_| {
        caller.trail.denied("rank");
    })?;
    let email = rules::email(&body.email)?;
    let phone_number = body.phone_number.as_deref().map(rules::phone_number).transpose()?;
    let details = Details { phone_number, title: body.title.map(|title| title.trim().to_owned()) };
    let person = Person {
        name: Phi::new(body.name.trim().to_owned()),
        email: email.clone(),
        role: body.role,
        verified: body.verified.unwrap_or(true),
    };
    let account = Prepared::without_password(&app, &caller.store, person, details).await?;
    let invitation = Invitation::to(&app, caller.tenant(), &account, &email);
    caller.trail.entity("user", &account.id);
    let saved = caller.store.transact("create-user", async |tx| {
        may_give(own_role(&caller, &tx).await?, body.role)?;
        account.save(&tx)?;
        invitation.save(&tx)?;
        Ok::<_, ApiError>(())
    });
    saved.await.map_err(or_address_taken)?;
    let user = account.user.clone();
    let id = account.keep(&app);
    let data = open(&app, &caller.store, &id, user).await?;
    Ok((StatusCode::CREATED, Json(CreatedUser { success: true, data })))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use crate::testing;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        an_invited_person_gets_a_letter, nobody_gives_more_than_they_have, an_address_has_one_account,
        what_is_wrong_is_named, the_same_key_invites_once,
    }

    fn body(role: &str) -> Value {
        json!({"name": " Dan Doe ", "email": "Dan@Example.com", "role": role, "title": "MD", "phoneNumber": "+15550142877"})
    }

    fn create(app: &TestApp, by: &TestUser, body: &Value) -> testkit::TestRequest {
        app.post("/api/v1/users").by(by).json(body)
    }

    async fn an_invited_person_gets_a_letter(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        let made = create(&app, &admin, &body("Doctor")).expect(201).await;
        assert_eq!(made["success"], true);
        let data = &made["data"];
        let said = json!([
            data["name"],
            data["email"],
            data["role"],
            data["verified"],
            data["active"],
            data["title"],
            data["phoneNumber"]
        ]);
        assert_eq!(said, json!(["Dan Doe", "dan@example.com", "Doctor", true, true, "MD", "+15550142877"]));
        let sent = app.sent().await;
        assert_eq!(
            (sent.len(), sent[0].kind.as_str(), sent[0].to.disclose().as_str()),
            (1, "invitation", "dan@example.com")
        );

        let path = format!("/api/v1/users/{}", data["id"].as_str().unwrap());
        assert_eq!(app.get(&path).by(&admin).expect(200).await, *data);
        for password in ["none", "", testing::PASSWORD] {
            let login = json!({"email": "dan@example.com", "password": password});
            app.post("/api/v1/auth/login").json(&login).refused(401, "UNAUTHORIZED").await;
        }
        // The link's token sets the password, once.
        let text = sent[0].text.disclose();
        let token = text.split("accept-invitation#token=").nth(1).unwrap().split_whitespace().next().unwrap();
        let set = json!({"token": token, "newPassword": testing::PASSWORD});
        app.post("/api/v1/auth/reset-password").json(&set).expect(200).await;
        app.post("/api/v1/auth/reset-password").json(&set).refused(400, "VALIDATION_ERROR").await;
        let dan = testing::login(&app, "dan@example.com").await;
        let me = testing::get_as(&app, &dan, "/api/v1/users/me").expect(200).await;
        assert_eq!(json!([me["role"], me["verified"], me["emailVerified"]]), json!(["Doctor", true, true]));

        let waits = json!({"name": "Wei", "email": "wei@example.com", "role": "Nurse", "verified": false});
        assert_eq!(create(&app, &admin, &waits).expect(201).await["data"]["verified"], false);
    }

    async fn nobody_gives_more_than_they_have(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        for role in ["ClinicAdmin", "SuperAdmin"] {
            assert_eq!(create(&app, &admin, &body(role)).refused(403, "FORBIDDEN").await, "role");
        }
        create(&app, &admin, &body("Admin")).expect(201).await;
        for role in [Role::Doctor, Role::Patient, Role::Receptionist] {
            let other = app.user(role, "Otto").await;
            create(&app, &other, &body("Patient")).refused(403, "FORBIDDEN").await;
        }
        let log = app.audit_log().await;
        let mut denied: Vec<_> = log.iter().filter_map(|entry| entry.refusal.as_deref()).collect();
        denied.sort_unstable_by(|one, other| other.cmp(one));
        assert_eq!(denied, ["rank", "rank", "no-administrator", "no-administrator", "no-administrator"]);
        assert_eq!(log.iter().filter(|entry| entry.refusal.is_none() && entry.action == "user.create").count(), 1);
    }

    async fn an_address_has_one_account(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        create(&app, &admin, &body("Doctor")).expect(201).await;
        assert_eq!(create(&app, &admin, &body("Nurse")).refused(409, "DUPLICATE_ENTRY").await, "email");
        let register =
            json!({"name": "Dan", "email": "dan@example.com", "password": testing::PASSWORD, "role": "Patient"});
        assert_eq!(app.post("/api/v1/auth/register").json(&register).refused(409, "DUPLICATE_ENTRY").await, "email");
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        for (field, wrong) in [
            ("name", json!(" ")),
            ("email", json!("dan")),
            ("role", json!("Wizard")),
            ("verified", json!("yes")),
            ("phoneNumber", json!("555")),
            ("title", json!("")),
            ("password", json!("magpie-over-water")),
        ] {
            let mut body = body("Doctor");
            body[field] = wrong;
            assert_eq!(create(&app, &admin, &body).refused(400, "VALIDATION_ERROR").await, field);
        }
        assert!(app.sent().await.is_empty());
    }

    async fn the_same_key_invites_once(app: TestApp) {
        let admin = app.user(Role::Admin, "Ada").await;
        let first = create(&app, &admin, &body("Doctor")).header("idempotency-key", "k").expect(201).await;
        let again = create(&app, &admin, &body("Doctor")).header("idempotency-key", "k").expect(201).await;
        assert_eq!(first, again);
        assert_eq!(app.sent().await.len(), 1);
    }
}
