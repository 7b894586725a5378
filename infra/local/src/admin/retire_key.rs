use anyhow::{Context, bail};
use clap::Args;
use vault::KeyFile;

use super::Desk;

/// Which key goes.
#[derive(Debug, Args)]
pub struct Options {
    /// The wrapping key's id, as `consentmd admin keys` shows it.
    #[arg(long)]
    pub(super) id: String,
}

/// Removes a wrapping key that wraps nothing; else names the tenants that still need it.
pub(super) async fn run(desk: &Desk, Options { id }: Options) -> anyhow::Result<String> {
    let key_file = desk.key_file()?;
    let keys = KeyFile::list(key_file)?;
    let key = keys.iter().find(|key| key.id == id);
    let key = key.with_context(|| format!("there is no wrapping key \"{id}\": `consentmd admin keys` lists them"))?;
    // Before counting: as long as somebody may wrap by it, a count says nothing.
    key.may_go(desk.app.now())?;
    let mut needed_by = Vec::new();
    for store in desk.stores().await? {
        let counts = desk.app.vault.count_keys(&store).await?;
        if let Some(count) = counts.wrapped_by.get(&id) {
            needed_by.push(format!("{count} data keys of {}", store.database().tenant));
        }
    }
    if !needed_by.is_empty() {
        bail!("\"{id}\" still wraps {}: run `consentmd admin rewrap-keys` first", needed_by.join(", "));
    }
    KeyFile::retire(key_file, desk.app.random.as_ref(), &id, desk.app.now())?;
    Ok(format!(
        "{id} is removed from {}.\nBackups of the data from before the rotation can be read with a backup of the old key \
         file alone: keep that one as long as them, or destroy it so that nobody can read them.\n",
        key_file.display()
    ))
}
