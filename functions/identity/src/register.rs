use axum::extract::State;
use events::Emit;
use garde::Validate;
use http::StatusCode;
use kernel::{Phi, Role};
use model::event::Registered as RegisteredEvent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{ApiError, App, ClientInfo, Json, Problems, Record, SignInTenant};

use crate::accounts::{Details, NewAccount, Prepared, or_taken};
use crate::cookie::RefreshCookie;
use crate::rules;
use crate::sessions::Beginning;
use crate::sign_in::remember_client;
use crate::wire::AccountSummary;

/// A new account.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RegisterBody {
    /// The name that others see: 1 to 255 characters.
    #[garde(custom(rules::person_name))]
    #[schema(example = "John Doe", min_length = 1, max_length = 255)]
    name: String,
    /// The address to sign in with; upper and lower case are the same.
    #[garde(skip)]
    #[schema(example = "john@example.com", max_length = 254)]
    email: String,
    /// 8 to 128 characters; not one that everybody tries first, nor the name or address.
    #[garde(skip)]
    #[schema(example = "securePassword123", min_length = 8, max_length = 128)]
    password: String,
    /// `Patient` and `Family` may begin at once. `Doctor`, `Nurse`, `Assistant`, `Pharmacist` and `Receptionist` wait for
    /// an administrator to verify them. Administrators are invited.
    #[garde(skip)]
    #[schema(example = "Doctor")]
    role: Role,
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

/// An account that was made, and the session that begins with it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Registered {
    /// Always `true`.
    #[schema(example = true)]
    success: bool,
    /// The account.
    data: AccountSummary,
    /// The access token: send it as `Authorization: Bearer <token>`. It holds for 15 minutes.
    #[schema(example = "eyJhbGciOiJFUzI1NiIs...")]
    token: String,
    /// The refresh token, good for one POST /api/v1/auth/refresh. Browsers also get it as a cookie.
    #[schema(example = "clinic.0b1c...")]
    refresh_token: String,
}

impl RegisterBody {
    fn into_account(self) -> Result<(NewAccount, Details), ApiError> {
        if self.role.is_admin() {
            return Err(ApiError::field("role", "role: administrators join by invitation only"));
        }
        let phone_number = self.phone_number.as_deref().map(rules::phone_number).transpose()?;
        let details = Details { phone_number, title: self.title.map(|title| title.trim().to_owned()) };
        let account = NewAccount {
            name: Phi::new(self.name.trim().to_owned()),
            email: rules::email(&self.email)?,
            password: Phi::new(self.password),
            verified: !self.role.is_staff(),
            role: self.role,
        };
        Ok((account, details))
    }
}

/// Register
///
/// Makes an account in the clinic of the `X-Tenant` header and signs in to it. An e-mail to verify the address goes out.
#[utoipa::path(
    post, path = "/api/v1/auth/register", tag = "auth",
    params(("X-Tenant" = Option<String>, Header, description = "The clinic; there may be a default")),
    request_body = RegisterBody,
    responses((status = 201, body = Registered, description = "Made, and signed in"), Problems),
)]
pub(crate) async fn register(
    State(app): State<App>,
    tenant: SignInTenant,
    client: ClientInfo,
    Json(body): Json<RegisterBody>,
) -> Result<(StatusCode, RefreshCookie, Json<Registered>), ApiError> {
    let (account, details) = body.into_account()?;
    let mut account = Prepared::new(&app, &tenant.store, account, details).await?;
    remember_client(&mut account.user, &app.vault.blind_index(&tenant.store).await?, &client);
    let entry = app.entry("auth.registered", &client).of(&account.id, account.user.role);
    let registered = app.occurs(RegisteredEvent { user_id: account.id.clone() });
    let session = Beginning::new(&app, &tenant.id, account.id.clone(), client);
    tenant
        .store
        .transact("register", async |tx| {
            account.save(&tx)?;
            session.save(&tx)?;
            tx.emit(&registered)?;
            tx.record(&entry)
        })
        .await
        .map_err(or_taken)?;
    let data = AccountSummary::open(&account.account_key(&tenant.id), &account.user)?;
    let tokens = session.tokens(&app, account.user.role, account.user.verified)?;
    account.keep(&app);
    let cookie = RefreshCookie::with(&app, &tokens.refresh)?;
    let refresh_token = tokens.refresh.to_string();
    Ok((StatusCode::CREATED, cookie, Json(Registered { success: true, data, token: tokens.access, refresh_token })))
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::{Value, json};
    use store::Counts;
    use testkit::TestApp;

    use crate::testing::{self, PASSWORD};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        registering_signs_in, staff_waits_for_an_admin, admins_are_invited, an_address_has_one_account,
        two_at_once_make_one_account, what_is_wrong_is_named, an_account_costs_one_commit,
        a_tenant_has_its_own_addresses,
    }

    fn body() -> Value {
        json!({"name": " John Doe ", "email": "John@Example.com", "password": PASSWORD, "role": "Doctor",
               "phoneNumber": "+1 (234) 567-890", "title": "MD"})
    }

    async fn registering_signs_in(app: TestApp) {
        let response = app.post("/api/v1/auth/register").json(&body()).send().await;
        assert_eq!(response.status, 201, "{}", response.body);
        let cookie = response.headers["set-cookie"].to_str().unwrap().to_owned();
        let made = response.body;
        assert_eq!(made["success"], true);
        let data = json!({"id": made["data"]["id"], "email": "john@example.com", "name": "John Doe", "role": "Doctor"});
        assert_eq!(made["data"], data);
        let refresh = made["refreshToken"].as_str().unwrap();
        assert_eq!(
            cookie,
            format!("refresh_token={refresh}; HttpOnly; SameSite=Strict; Path=/api/v1/auth; Max-Age=604800")
        );
        let me = testing::get_as(&app, &made, "/api/v1/users/me").expect(200).await;
        assert_eq!((me["phoneNumber"].as_str(), me["title"].as_str()), (Some("+1234567890"), Some("MD")));
        assert_eq!(me["id"], made["data"]["id"]);
    }

    async fn staff_waits_for_an_admin(app: TestApp) {
        for role in Role::ALL.into_iter().filter(|role| !role.is_admin()) {
            let made = testing::register(&app, &format!("{role}@example.com"), role).await;
            let me = testing::get_as(&app, &made, "/api/v1/users/me").expect(200).await;
            assert_eq!(me["verified"], matches!(role, Role::Patient | Role::Family), "{role}");
            let principal = app.app.tokens.verify(made["token"].as_str().unwrap(), app.app.now()).unwrap();
            assert_eq!((principal.role, Some(principal.verified)), (role, me["verified"].as_bool()));
            assert_eq!(principal.may_see_phi(), principal.verified, "{role}");
        }
    }

    async fn admins_are_invited(app: TestApp) {
        for role in Role::ALL.into_iter().filter(|role| role.is_admin()) {
            let mut body = body();
            body["role"] = role.name().into();
            let field = app.post("/api/v1/auth/register").json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(field, "role");
        }
    }

    async fn an_address_has_one_account(app: TestApp) {
        app.post("/api/v1/auth/register").json(&body()).expect(201).await;
        let mut again = body();
        again["email"] = " JOHN@example.COM".into();
        let response = app.post("/api/v1/auth/register").json(&again).send().await;
        assert_eq!((response.status.as_u16(), &response.body["error"]["code"]), (409, &json!("DUPLICATE_ENTRY")));
        assert_eq!(response.body["error"]["details"], json!({"field": "email"}));
        assert!(!response.body.to_string().to_lowercase().contains("john@"), "{}", response.body);
    }

    async fn two_at_once_make_one_account(app: TestApp) {
        let send = || app.post("/api/v1/auth/register").json(&body()).send();
        let (one, other) = tokio::join!(send(), send());
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{} {}", one.body, other.body);
        let users = app.store.query(&model::user::USERS, &model::user::USERS.all()).await.unwrap();
        assert_eq!(users.len(), 1);
    }

    async fn what_is_wrong_is_named(app: TestApp) {
        for (field, wrong) in [
            ("name", json!("  ")),
            ("name", json!("x".repeat(256))),
            ("name", json!(null)),
            ("email", json!("john")),
            ("email", json!(7)),
            ("password", json!("short")),
            ("password", json!("password123")),
            ("password", json!("johndoe!")),
            ("password", json!("x1".repeat(65))),
            ("role", json!("Wizard")),
            ("phoneNumber", json!("12345678")),
            ("phoneNumber", json!("+12")),
            ("title", json!("")),
            ("title", json!("x".repeat(101))),
            ("verified", json!(true)),
        ] {
            let mut body = body();
            body[field] = wrong.clone();
            let named = app.post("/api/v1/auth/register").json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field, "{wrong}");
        }
        for field in ["name", "email", "password", "role"] {
            let mut body = body();
            body.as_object_mut().unwrap().remove(field);
            let named = app.post("/api/v1/auth/register").json(&body).refused(400, "VALIDATION_ERROR").await;
            assert_eq!(named, field);
        }
        app.post("/api/v1/auth/register").refused(415, "INVALID_REQUEST").await;
        let unknown = app.post("/api/v1/auth/register").header("x-tenant", "nowhere").json(&body());
        assert_eq!(unknown.refused(400, "INVALID_REQUEST").await, "X-Tenant");
    }

    async fn an_account_costs_one_commit(app: TestApp) {
        testing::register(&app, "first@example.com", Role::Patient).await;
        // What follows from its event is another's.
        let front = app.second_instance(testing::without_handlers()).await;
        front.app.vault.blind_index(&front.store).await.unwrap();
        let before = front.store.meter().counts();
        front.post("/api/v1/auth/register").json(&body()).expect(201).await;
        front.settle().await;
        let spent = front.store.meter().counts() - before;
        // Its key, the address, the account, the session, the event, the entry in the audit log; and the outbox is emptied.
        assert_eq!(spent, Counts { commits: 2, documents_written: 7, ..Counts::default() });
    }

    async fn a_tenant_has_its_own_addresses(app: TestApp) {
        let mut other = app.store.database().clone();
        other.name.push_str("-other");
        let id: kernel::TenantId = "other".parse().unwrap();
        let record = model::tenant::Tenant {
            name: "Other".to_owned(),
            project: other.project,
            database: other.name,
            prefix: String::new(),
            active: true,
            created_at: app.app.now(),
            policy: model::tenant::TenantPolicy::default(),
        };
        app.app.tenants.register(&id, &record).await.unwrap();
        app.post("/api/v1/auth/register").json(&body()).expect(201).await;
        let elsewhere = app.post("/api/v1/auth/register").header("x-tenant", "other").json(&body()).expect(201).await;
        let token = elsewhere["token"].as_str().unwrap();
        assert_eq!(app.app.tokens.verify(token, app.app.now()).unwrap().tenant, id);
    }
}
