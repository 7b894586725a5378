//! Entries for tests.

use std::time::Duration;

use testkit::TestApp;
use web::{ClientInfo, Entry};

/// An entry of a user, not yet written.
pub(crate) fn entry_of(app: &TestApp, action: &str, user: &str) -> Entry {
    app.app.entry(action, &ClientInfo::default()).of_user(&user.parse().unwrap())
}

/// Writes it; answers its id.
pub(crate) async fn write(app: &TestApp, entry: Entry) -> String {
    entry.write(&app.store).await.unwrap();
    entry.id().to_string()
}

/// Lets all entries grow old enough, and seals them.
pub(crate) async fn seal(app: &TestApp) {
    app.clock.advance(audit_tree::GRACE + Duration::from_secs(1));
    crate::ledger(&app.app, &app.store).seal(app.app.now()).await.unwrap();
}
