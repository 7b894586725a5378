use anyhow::{Context, anyhow, bail, ensure};
use clap::Args;
use identity::{Invited, invite};
use kernel::{Email, Phi, Role, TenantId};
use model::tenant::{Tenant, TenantPolicy};
use store::Store;

use super::Desk;

/// The longest name, in characters.
const LONGEST: usize = 255;

/// Who will administer which tenant.
#[derive(Debug, Args)]
pub struct Options {
    /// The tenant's id.
    #[arg(long)]
    pub(super) tenant: TenantId,
    /// The person's e-mail address.
    #[arg(long)]
    pub(super) email: String,
    /// The person's name, as others will see it.
    #[arg(long)]
    pub(super) name: String,
    /// ClinicAdmin, Admin or SuperAdmin.
    #[arg(long, default_value = "ClinicAdmin")]
    pub(super) role: Role,
    /// Makes the tenant first, under this name.
    #[arg(long)]
    pub(super) new_tenant: Option<String>,
}

/// Makes the account and answers with the link to choose a password by, which is good once.
pub(super) async fn run(desk: &Desk, options: Options) -> anyhow::Result<String> {
    let app = &desk.app;
    ensure!(
        options.role.is_admin(),
        "{} is no administrator: --role is ClinicAdmin, Admin or SuperAdmin",
        options.role
    );
    ensure!(app.settings.built_in_sign_in, "BUILT_IN_SIGN_IN is false: who administers is said by the outside issuer");
    let email: Email = options.email.parse().map_err(|error| anyhow!("--email: {error}"))?;
    let name = one_line("--name", &options.name)?;
    if let Some(title) = &options.new_tenant {
        make_tenant(desk, &options.tenant, one_line("--new-tenant", title)?).await?;
    }
    let store: Store = desk.tenant(&options.tenant).await?;
    let invited = Invited { name: Phi::new(name), email, role: options.role };
    let (user, link) = invite(app, &store, invited).await.map_err(|error| {
        anyhow!("{} An administrator can change that account's role by PUT /api/v1/users/<id>.", error.message())
    })?;
    Ok(format!(
        "{} of {} is made: user {user}.\nWho opens this link within 7 days chooses the password:\n\n{}\n",
        options.role,
        options.tenant,
        link.as_str()
    ))
}

fn one_line(option: &str, text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    let is_line = !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    ensure!(is_line, "{option} takes one line of 1 to {LONGEST} characters");
    Ok(text.to_owned())
}

/// In a database of its own that has the tenant's id as its name. In the cloud it is made first, with its indexes, backups
/// and the key that wraps the tenant's data keys; what Terraform has made of these is used as it is.
#[expect(clippy::print_stderr, reason = "somebody waits for minutes, and the answer comes at the end")]
async fn make_tenant(desk: &Desk, id: &TenantId, name: String) -> anyhow::Result<()> {
    let tenants = &desk.app.tenants;
    let registry = tenants.registry().database();
    ensure!(*id != registry.tenant, "\"{id}\" is the registry's own name: choose another id");
    if tenants.is_registered(id).await? {
        bail!("there is a tenant \"{id}\" already: leave --new-tenant out");
    }
    let project = registry.project.clone();
    for store in tenants.stores().await? {
        let taken = store.database();
        let is_its = taken.project == project && taken.name == id.as_str();
        ensure!(!is_its, "the database \"{id}\" holds the documents of {}: choose another id", taken.tenant);
    }
    if let Some(project) = &desk.project {
        let tell = |step: &str| eprintln!("{step}");
        project.provide_for(id, tell).await.context("the tenant is not registered; run the same again to go on")?;
    }
    let tenant = Tenant {
        name,
        project,
        database: id.to_string(),
        prefix: String::new(),
        active: true,
        created_at: desk.app.now(),
        policy: TenantPolicy::default(),
    };
    match tenants.register_new(id, &tenant).await {
        Err(store::Error::AlreadyExists { .. }) => bail!("somebody else has made the tenant \"{id}\" meanwhile"),
        made => Ok(made?),
    }
}
