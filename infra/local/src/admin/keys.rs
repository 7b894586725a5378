use std::fmt::Write;

use runtime::KeyKeeper;
use vault::KeyFile;

use super::Desk;

/// The wrapping keys, then by tenant how many data keys each wraps.
pub(super) async fn run(desk: &Desk) -> anyhow::Result<String> {
    let mut text = String::new();
    let in_file = match &desk.key_keeper {
        KeyKeeper::File(file) => {
            let wrapping = KeyFile::list(file)?;
            writeln!(text, "Wrapping keys in {}", file.display())?;
            for key in &wrapping {
                match key.replaced_at {
                    None => writeln!(text, "  {}  current", key.id)?,
                    Some(at) => writeln!(text, "  {}  replaced {at}", key.id)?,
                }
            }
            Some(wrapping)
        }
        KeyKeeper::Kms(ring) => {
            writeln!(text, "Wrapping keys in Cloud KMS, {ring}")?;
            None
        }
    };
    for store in desk.stores().await? {
        let counts = desk.app.vault.count_keys(&store).await?;
        if counts.wrapped_by.is_empty() && counts.destroyed == 0 {
            continue;
        }
        writeln!(text, "Data keys of {}", store.database().tenant)?;
        for (id, count) in &counts.wrapped_by {
            let is_lost = in_file.as_ref().is_some_and(|keys| !keys.iter().any(|key| key.id == *id));
            let missing = if is_lost { "  NOT IN THE KEY FILE: restore it from a backup of that file" } else { "" };
            writeln!(text, "  {id}  wraps {count}{missing}")?;
        }
        if counts.destroyed > 0 {
            writeln!(text, "  destroyed: {}", counts.destroyed)?;
        }
    }
    Ok(text)
}
