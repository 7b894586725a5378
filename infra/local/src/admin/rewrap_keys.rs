use std::fmt::Write;

use anyhow::bail;

use super::Desk;

/// Wraps again what is not wrapped by the current key, in all tenants. Ends badly where a data key cannot be unwrapped,
/// after it has done all others.
pub(super) async fn run(desk: &Desk) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut failed = 0;
    for store in desk.stores().await? {
        let tenant = &store.database().tenant;
        let done = desk.app.vault.rewrap(&store, u64::MAX).await?;
        if done.rewrapped > 0 || done.left > 0 || done.failed > 0 {
            writeln!(text, "{tenant}: {} data keys wrapped again", done.rewrapped)?;
        }
        if done.left > 0 {
            writeln!(text, "{tenant}: {} were changed by others meanwhile; run this again", done.left)?;
        }
        for problem in &done.problems {
            writeln!(text, "{tenant}: {problem}")?;
        }
        failed += done.failed;
    }
    if failed > 0 {
        bail!("{failed} data keys could not be wrapped again\n{text}");
    }
    text.push_str("All data keys are wrapped by the current wrapping key.\n");
    Ok(text)
}
