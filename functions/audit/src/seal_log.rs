use events::Failure;
use kernel::Time;
use web::Job;

use crate::ledger;

/// Takes new entries of a tenant's log into the tree, and tells how far behind the tree is: `audit_unsealed_oldest_seconds`, which
/// is two minutes where all is well. An alert belongs on it.
pub(crate) async fn seal_log(job: Job) -> Result<(), Failure> {
    let now = job.app.now();
    let ledger = ledger(&job.app, &job.store);
    match ledger.seal(now).await {
        Ok(sealing) => {
            note_age(&job, sealing.until, now);
            if sealing.entries > 0 {
                tracing::info!(entries = sealing.entries, late = sealing.late, "audit entries were sealed");
            }
            Ok(())
        }
        Err(error) => {
            if let Ok(until) = ledger.sealed_until().await {
                note_age(&job, until, now);
            }
            Err(if error.is_retryable() { Failure::Retry(error.into()) } else { Failure::GiveUp(error.to_string()) })
        }
    }
}

fn note_age(job: &Job, until: Option<Time>, now: Time) {
    let tenant = &job.store.database().tenant;
    let seconds = until.map_or(0, |until| now.since(until).as_secs());
    tracing::info!(target: "metric", metric = "audit_unsealed_oldest_seconds", seconds, %tenant, "the audit log was sealed");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use audit_tree::{Verify, checkpoint_name};
    use testkit::TestApp;

    use super::*;
    use crate::testing::{entry_of, write};

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        it_seals_every_minute, what_cannot_be_mended_is_given_up_aloud,
    }

    async fn run(app: &TestApp) -> Result<(), Failure> {
        let schedule = crate::function().schedules.into_iter().find(|schedule| schedule.name == "audit-seal").unwrap();
        assert_eq!(schedule.every, Duration::from_secs(60));
        (schedule.run)(Job { app: app.app.clone(), store: app.store.clone() }, ()).await
    }

    async fn it_seals_every_minute(app: TestApp) {
        for _ in 0..5 {
            write(&app, entry_of(&app, "note.read", "u1")).await;
            app.clock.advance(Duration::from_secs(60));
            run(&app).await.unwrap();
        }
        app.clock.advance(audit_tree::GRACE);
        run(&app).await.unwrap();
        let verified = ledger(&app.app, &app.store).verify(Verify::default(), app.app.now()).await.unwrap().unwrap();
        assert_eq!((verified.entries, verified.problem), (5, None));
    }

    async fn what_cannot_be_mended_is_given_up_aloud(app: TestApp) {
        write(&app, entry_of(&app, "note.read", "u1")).await;
        app.clock.advance(audit_tree::GRACE);
        let name = checkpoint_name(&app.tenant, 0);
        app.checkpoints.put(&name, "junk".into(), "text/plain", 10).await.unwrap();
        let failure = run(&app).await.unwrap_err();
        assert!(matches!(&failure, Failure::GiveUp(why) if why.contains(name.as_str())), "{failure:?}");
    }
}
