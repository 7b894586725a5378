use std::error::Error;

use events::Failure;
use web::{ApiError, Job};

/// How many data keys one run wraps again, about: well below what a scheduler's call may take.
const MOST: u64 = 2000;

/// Wraps data keys again that are not wrapped by the current wrapping key, so that a rotation comes to its end without
/// anybody doing anything: also what a process wrapped while it did not know of the rotation yet.
pub(crate) async fn rewrap_data_keys(job: Job) -> Result<(), Failure> {
    let done = job.app.vault.rewrap(&job.store, MOST).await.map_err(ApiError::from)?;
    for problem in &done.problems {
        tracing::error!(error = problem as &dyn Error, "a data key cannot be wrapped again");
    }
    if done.rewrapped > 0 {
        tracing::info!(rewrapped = done.rewrapped, is_done = done.is_done, "data keys were wrapped again");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use kernel::{OsRandom, Role};
    use testkit::TestApp;
    use vault::{KeyFile, Subject, Vault};

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        a_rotation_comes_to_its_end, it_recurs,
    }

    /// The application's own keys are never rotated, so all that another process wrapped is due.
    async fn a_rotation_comes_to_its_end(app: TestApp) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        let keys = KeyFile::open_or_create(&file, Arc::new(OsRandom), app.clock.clone()).unwrap();
        let vault = Vault::new(Arc::new(keys), Arc::new(OsRandom), app.clock.clone());
        let subject = Subject::Chat("c1".parse().unwrap());
        vault.ensure_key(&app.store, &subject).await.unwrap();
        KeyFile::rotate(&file, &OsRandom, app.app.now()).unwrap();
        app.clock.advance(Duration::from_secs(5));
        vault.ensure_key(&app.store, &Subject::Tenant).await.unwrap();
        assert_eq!(vault.count_keys(&app.store).await.unwrap().wrapped_by.len(), 2);

        let done = vault.rewrap(&app.store, MOST).await.unwrap();
        assert_eq!((done.rewrapped, done.is_done), (1, true));
        // This process has other wrapping keys: it tells that, changes nothing and does not fail the run.
        rewrap_data_keys(Job { app: app.app.clone(), store: app.store.clone() }).await.unwrap();
        assert_eq!(vault.count_keys(&app.store).await.unwrap().wrapped_by.len(), 1);
        vault.forget(&app.tenant, &subject);
        vault.key(&app.store, &subject).await.unwrap();
    }

    async fn it_recurs(app: TestApp) {
        let doctor = app.user(Role::Doctor, "Dana").await;
        let schedule = crate::function().schedules.into_iter().find(|s| s.name == "rewrap-data-keys").unwrap();
        assert_eq!(schedule.every, Duration::from_secs(3600));
        (schedule.run)(Job { app: app.app.clone(), store: app.store.clone() }, ()).await.unwrap();
        app.app.vault.key(&app.store, &Subject::User(doctor.id)).await.unwrap();
    }
}
