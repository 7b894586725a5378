//! The demo clinic and its people, made at the first start on one machine.

use identity::{NewAccount, create_account};
use kernel::{Phi, Role};
use model::tenant::Tenant;
use web::App;

/// The demo clinic's id.
pub const TENANT: &str = "demo";
/// The password of all demo accounts.
pub const PASSWORD: &str = "consentmd-demo";

/// A demo account.
#[derive(Debug)]
pub struct Account {
    /// To sign in with.
    pub email: &'static str,
    /// The name that others see.
    pub name: &'static str,
    /// The role.
    pub role: Role,
}

const ADMIN: &Account = &Account { email: "admin@demo.example", name: "Ada Admin", role: Role::ClinicAdmin };
/// The demo doctor, verified.
pub const DOCTOR: &Account = &Account { email: "doctor@demo.example", name: "Dr. Dana Reyes", role: Role::Doctor };
const NURSE: &Account = &Account { email: "nurse@demo.example", name: "Nico Nurse", role: Role::Nurse };
/// The demo patient.
pub const PATIENT: &Account = &Account { email: "patient@demo.example", name: "Brian White", role: Role::Patient };

/// All demo accounts.
pub const ALL: [&Account; 4] = [ADMIN, DOCTOR, NURSE, PATIENT];

/// Makes the demo clinic where no tenant is registered. Says whether there is a demo clinic.
pub async fn seed(app: &App) -> anyhow::Result<bool> {
    let id = TENANT.parse()?;
    let tenants = app.tenants.all().await?;
    if !tenants.is_empty() {
        return Ok(tenants.contains(&id));
    }
    let clinic = Tenant {
        name: "Demo Clinic".to_owned(),
        project: String::new(),
        database: TENANT.to_owned(),
        prefix: String::new(),
        active: true,
        created_at: app.now(),
        policy: model::tenant::TenantPolicy::default(),
    };
    app.tenants.register(&id, &clinic).await?;
    let Some(store) = app.tenants.open(&id).await? else { anyhow::bail!("the demo clinic cannot be opened") };
    for account in ALL {
        let new = NewAccount {
            name: Phi::new(account.name.to_owned()),
            email: account.email.parse()?,
            password: Phi::new(PASSWORD.to_owned()),
            role: account.role,
            verified: true,
        };
        create_account(app, &store, new)
            .await
            .map_err(|error| anyhow::anyhow!("{}: {}", account.email, error.message()))?;
    }
    Ok(true)
}
