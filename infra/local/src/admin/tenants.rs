use model::tenant::TENANTS;

use super::Desk;

/// One line for each tenant: its id, whether anyone may sign in, its name.
pub(super) async fn run(desk: &Desk) -> anyhow::Result<String> {
    let registered = desk.app.tenants.registry().query(&TENANTS, &TENANTS.all()).await?;
    if registered.is_empty() {
        return Ok("There are no tenants.\n".to_owned());
    }
    let line = |doc: &store::Doc<model::tenant::Tenant>| {
        let state = if doc.value.active { "active" } else { "suspended" };
        format!("{:<24}{state:<12}{}\n", doc.id, doc.value.name)
    };
    Ok(registered.iter().map(line).collect())
}
