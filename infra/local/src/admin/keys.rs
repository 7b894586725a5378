use std::fmt::Write;

use vault::KeyFile;

use super::Desk;

/// The wrapping keys of the key file, then by tenant how many data keys each wraps.
pub(super) async fn run(desk: &Desk) -> anyhow::Result<String> {
    let wrapping = KeyFile::list(&desk.key_file)?;
    let mut text = format!("Wrapping keys in {}\n", desk.key_file.display());
    for key in &wrapping {
        match key.replaced_at {
            None => writeln!(text, "  {}  current", key.id)?,
            Some(at) => writeln!(text, "  {}  replaced {at}", key.id)?,
        }
    }
    for store in desk.stores().await? {
        let counts = desk.app.vault.count_keys(&store).await?;
        if counts.wrapped_by.is_empty() && counts.destroyed == 0 {
            continue;
        }
        writeln!(text, "Data keys of {}", store.database().tenant)?;
        for (id, count) in &counts.wrapped_by {
            let is_here = wrapping.iter().any(|key| key.id == *id);
            let missing = if is_here { "" } else { "  NOT IN THE KEY FILE: restore it from a backup of that file" };
            writeln!(text, "  {id}  wraps {count}{missing}")?;
        }
        if counts.destroyed > 0 {
            writeln!(text, "  destroyed: {}", counts.destroyed)?;
        }
    }
    Ok(text)
}
