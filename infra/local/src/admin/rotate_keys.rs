use vault::KeyFile;

use super::{Desk, rewrap_keys};

/// Adds a wrapping key and wraps everything again by it.
pub(super) async fn run(desk: &Desk) -> anyhow::Result<String> {
    let key_file = desk.key_file()?;
    let id = KeyFile::rotate(key_file, desk.app.random.as_ref(), desk.app.now())?;
    let file = key_file.display();
    let added = format!(
        "{id} is the current wrapping key now.\nBack up {file}, apart from the data: without it nothing can be read.\n"
    );
    match rewrap_keys::run(desk).await {
        Ok(wrapped) => Ok(added + &wrapped),
        Err(error) => Err(error.context(format!("{id} is the current wrapping key now, but not all data keys are wrapped by it: `consentmd admin rewrap-keys` goes on"))),
    }
}
