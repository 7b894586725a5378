use std::time::Duration;

use audit_tree::{Error, ProblemKind, SWEEP_EVERY, Sealing, Verify, checkpoint_name};
use model::audit::AUDIT;
use testkit::{Fault, TestApp};
use web::Record;

use crate::{entry, ids, ledger, seal, sealed, verify, verify_part, write};

testkit::on_both_platforms! {
    functions: Vec::new;
    entries_are_sealed_once_and_nothing_else_is_written,
    a_run_takes_many_batches_and_a_walk_goes_in_parts,
    what_comes_late_is_taken_in_by_the_next_sweep,
    an_idle_log_costs_one_write_an_hour,
    of_two_sealers_one_is_first,
    a_crash_between_file_and_head_is_made_good,
}

async fn entries_are_sealed_once_and_nothing_else_is_written(app: TestApp) {
    assert_eq!(seal(&app).await, Sealing::default());
    let nothing = verify(&app).await;
    assert_eq!((nothing.entries, nothing.checkpoints, nothing.problem), (0, 0, None));

    let written = write(&app, 300).await;
    let young = seal(&app).await;
    assert_eq!(young.entries, 180, "what is younger than the grace waits");
    app.clock.advance(Duration::from_secs(120));
    let before = app.store.meter().counts();
    let rest = seal(&app).await;
    let counts = app.store.meter().counts() - before;
    assert_eq!((rest.entries, rest.late, rest.until), (120, 0, Some(app.app.now().minus(audit_tree::GRACE))));
    // Two tiles, one above them, the batch and the head; the entries are not touched.
    assert_eq!((counts.commits, counts.documents_written), (1, 5));

    let before = app.store.meter().counts();
    assert_eq!(seal(&app).await.entries, 0);
    assert_eq!((app.store.meter().counts() - before).commits, 0);
    let verified = verify(&app).await;
    assert_eq!(verified.problem, None);
    assert_eq!((verified.entries, verified.checkpoints, verified.size), (300, 2, 300));
    assert_eq!((verified.late, verified.waiting, verified.next), (0, 0, None));
    assert_eq!(ids(&app).await, written);
}

async fn a_run_takes_many_batches_and_a_walk_goes_in_parts(app: TestApp) {
    write(&app, 2_300).await;
    app.clock.advance(audit_tree::GRACE);
    assert_eq!(seal(&app).await.entries, 2_300);
    let whole = verify(&app).await;
    assert_eq!((whole.problem.clone(), whole.checkpoints, whole.entries, whole.size), (None, 2, 2_300, 2_300));

    let first = verify_part(&app, Verify { to: Some(1), ..Verify::default() }).await.unwrap();
    assert_eq!((first.problem, first.entries, first.next), (None, 2_000, Some(2_000)));
    let in_no_time = Verify { budget: Some(Duration::ZERO), ..Verify::default() };
    assert_eq!(verify_part(&app, in_no_time).await.unwrap().next, Some(2_000));
    let second = verify_part(&app, Verify { from: 2_000, ..Verify::default() }).await.unwrap();
    assert_eq!((second.problem, second.entries, second.next, second.root), (None, 300, None, whole.root));
    let end = verify_part(&app, Verify { from: 2_300, ..Verify::default() }).await.unwrap();
    assert_eq!((end.problem, end.entries, end.next), (None, 0, None));
    assert_eq!(verify_part(&app, Verify { from: 5, ..Verify::default() }).await, None);
}

async fn what_comes_late_is_taken_in_by_the_next_sweep(app: TestApp) {
    sealed(&app, 3).await;
    let late = entry(&app);
    app.clock.advance(Duration::from_secs(1));
    sealed(&app, 2).await;
    app.clock.advance(Duration::from_secs(40 * 60));
    app.store.transact("test-late", async |tx| tx.record(&late)).await.unwrap();
    assert_eq!(seal(&app).await.entries, 0);
    let waits = verify(&app).await;
    assert_eq!((waits.problem, waits.waiting), (None, 1));
    assert_eq!(ledger(&app).prove(late.id()).await.unwrap(), None);

    app.clock.advance(SWEEP_EVERY);
    let swept = seal(&app).await;
    assert_eq!((swept.entries, swept.late), (1, 1));
    assert_eq!(ledger(&app).prove(late.id()).await.unwrap().unwrap().index, 5);
    app.clock.advance(Duration::from_secs(60));
    sealed(&app, 2).await;
    let verified = verify(&app).await;
    assert_eq!((verified.problem, verified.entries, verified.late, verified.waiting), (None, 8, 1, 0));
}

async fn an_idle_log_costs_one_write_an_hour(app: TestApp) {
    sealed(&app, 2).await;
    let before = app.store.meter().counts();
    for _ in 0..6 * 30 {
        app.clock.advance(Duration::from_secs(120));
        assert_eq!(seal(&app).await.entries, 0);
    }
    let counts = app.store.meter().counts() - before;
    assert!((5..=6).contains(&counts.documents_written), "{counts:?}");
    let verified = verify(&app).await;
    assert_eq!((verified.problem, verified.entries), (None, 2));
    // What somebody puts into the quiet hours is not taken for new, before and after the next checkpoint.
    let id = &ids(&app).await[0];
    let mut inserted = app.store.get(&AUDIT, id).await.unwrap().unwrap().value;
    inserted.at = app.app.now().minus(Duration::from_secs(3 * 3600));
    app.store.transact("tamper", async |tx| tx.put(&AUDIT, "inserted", &inserted)).await.unwrap();
    for sealed_after in [0, 1] {
        sealed(&app, sealed_after).await;
        let named = verify(&app).await.problem.unwrap();
        assert_eq!((named.kind, named.entry.as_deref()), (ProblemKind::EntryInserted, Some("inserted")));
    }
}

async fn of_two_sealers_one_is_first(app: TestApp) {
    let other = app.second_instance(Vec::new()).await;
    let mut total = 0;
    for _ in 0..4 {
        write(&app, 40).await;
        app.clock.advance(audit_tree::GRACE);
        let now = app.app.now();
        let (ours, theirs) = (ledger(&app), ledger(&other));
        let (one, two) = tokio::join!(
            tokio::spawn(async move { ours.seal(now).await.unwrap() }),
            tokio::spawn(async move { theirs.seal(now).await.unwrap() })
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.entries + two.entries <= 40, "{one:?} {two:?}");
        total += 40;
        let verified = verify(&app).await;
        assert_eq!((verified.problem, verified.size), (None, total));
    }
}

async fn a_crash_between_file_and_head_is_made_good(app: TestApp) {
    let mut total = 0;
    for (round, fault) in [Fault::NotCommitted, Fault::AnswerLost, Fault::NotCommitted].into_iter().enumerate() {
        write(&app, 150).await;
        app.clock.advance(audit_tree::GRACE);
        app.faults.plan("audit-heads", 0, fault);
        let error = ledger(&app).seal(app.app.now()).await.unwrap_err();
        assert!(matches!(error, Error::Store(_)) && error.is_retryable(), "{error}");
        assert!(app.faults.are_over());
        let name = checkpoint_name(&app.tenant, total);
        let left = app.checkpoints.head(&name).await.unwrap().unwrap();
        total += 150;
        let between = verify(&app).await;
        assert_eq!((between.problem, between.size), (None, total), "round {round}");

        // The next run finds more than the one that crashed did, and goes on from its file.
        write(&app, 7).await;
        app.clock.advance(audit_tree::GRACE);
        seal(&app).await;
        assert_eq!(app.checkpoints.head(&name).await.unwrap().unwrap(), left, "the file stays as it was");
        total += 7;
        let verified = verify(&app).await;
        assert_eq!((verified.problem, verified.size, verified.waiting), (None, total, 0), "round {round}");
    }
}
