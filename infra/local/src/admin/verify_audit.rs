use anyhow::{Context, bail};
use audit_tree::{Ledger, Verification, Verify};
use clap::Args;
use kernel::TenantId;

use super::Desk;

/// Whose log.
#[derive(Debug, Args)]
pub struct Options {
    /// The tenant.
    #[arg(long)]
    pub(super) tenant: TenantId,
    /// Begins with the checkpoint that begins with this entry, instead of the first.
    #[arg(long, default_value_t = 0)]
    pub(super) from: u64,
}

/// Verifies all of the log; what is wrong is an error.
pub(super) async fn run(desk: &Desk, Options { tenant, from }: Options) -> anyhow::Result<String> {
    let store = desk.tenant(&tenant).await?;
    let ledger = Ledger::new(store, desk.app.checkpoints.clone(), desk.app.tokens.clone());
    let found = ledger.verify(Verify { from, ..Verify::default() }, desk.app.now()).await?;
    let found = found.with_context(|| format!("no checkpoint begins with entry {from}: begin with 0"))?;
    let Verification { entries, checkpoints, size, root, until, late, waiting, problem, .. } = found;
    if let Some(problem) = problem {
        bail!("{entries} entries in {checkpoints} checkpoints are intact, and then: {}", problem.message);
    }
    let until = until.map_or_else(|| "nothing is sealed yet".to_owned(), |until| format!("sealed until {until}"));
    Ok(format!(
        "{tenant}: intact. {entries} entries in {checkpoints} checkpoints, {until}.\n\
         {late} came late; {waiting} late ones wait for the next sweep.\n\
         The tree has {size} entries and the root {root}.\n\
         Keep that line elsewhere: whoever can replace the database, the files and the signing key cannot change it there.\n"
    ))
}
