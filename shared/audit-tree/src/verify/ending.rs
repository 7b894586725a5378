//! What has to hold behind the last checkpoint.

use kernel::Time;
use store::{Direction, Op};

use super::{Problem, Step, Walk, head_document};
use crate::checkpoint::STATEMENT_TYPE;
use crate::log::{Found, LOG, Window, is_timed, timed};
use crate::{LATEST, checkpoint_name};

/// How many entries are looked through at once.
const PAGE: u32 = 500;

impl Walk<'_> {
    /// Whether the chain is as long as the head says, the head and the last tiles are right, and no entry is where nobody
    /// looks for one.
    pub(super) async fn ending(&mut self, now: Time) -> Step {
        let size = self.edge.size();
        let tenant = &self.ledger.store.database().tenant;
        let head_size = self.head.as_ref().map_or(0, |head| head.size);
        if head_size > size {
            return Ok(Some(Problem::missing(&checkpoint_name(tenant, size), size)));
        }
        let head = if head_size == size { self.head_and_edge().await? } else { self.head_behind() };
        if head.is_some() {
            return Ok(head);
        }
        for problem in [self.in_quiet_time().await?, self.in_the_future(now).await?] {
            if problem.is_some() {
                return Ok(problem);
            }
        }
        self.without_time().await
    }

    /// Sweeps that found nothing read the time after the last checkpoint too.
    async fn in_quiet_time(&mut self) -> Step {
        let Some(head) = &self.head else { return Ok(None) };
        let Some(swept) = head.swept_until else { return Ok(None) };
        let (after, size) = (self.until.unwrap_or(head.until), head.size);
        let too_late = swept.minus(LATEST).to_string();
        let mut window = Window::new(&self.ledger.store, Some(after), swept);
        while !window.is_over() {
            for found in window.page().await? {
                if found.at < too_late {
                    return self.out_of_place(&found, size).await.map(Some);
                }
                self.found.waiting += 1;
            }
        }
        Ok(None)
    }

    /// A head that is behind the last checkpoint stands where that one continues from: a crash was between them, and the next
    /// run makes it good.
    fn head_behind(&self) -> Option<Problem> {
        let is_right = self.before.as_ref().is_some_and(|(size, root)| match &self.head {
            Some(head) => head.size == *size && head.root == *root,
            None => *size == 0,
        });
        let what = "it is behind the checkpoints";
        (!is_right).then(|| Problem::index(head_document(), self.edge.size(), what))
    }

    async fn head_and_edge(&self) -> Step {
        let Some(head) = &self.head else { return Ok(None) };
        let signed = self.ledger.tokens.verify_statement(STATEMENT_TYPE, &head.checkpoint).unwrap_or_default();
        let root = hex::encode(self.edge.root());
        let is_right = head.root == root
            && signed["root"] == root
            && signed["size"] == head.size
            && signed["until"] == serde_json::json!(head.until)
            && signed["tenant"] == self.ledger.store.database().tenant.as_str();
        if !is_right {
            return Ok(Some(Problem::index(head_document(), head.size, "it is not what the last checkpoint says")));
        }
        self.tiles(&self.edge.partial(), head.size).await
    }

    /// An entry of the future would be sealed only then.
    async fn in_the_future(&self, now: Time) -> Step {
        let later = timed().filter("at", Op::Greater, now.plus(LATEST).to_string());
        let later = later.order("at", Direction::Ascending).limit(1);
        let found = self.ledger.store.query(&LOG, &later).await?;
        Ok(found.first().map(Found::of).map(|found| Problem::inserted(&found.id, &found.at, None)))
    }

    /// An entry without a shard or time would never be sealed. Counts tell whether there is one; only then it is looked for.
    async fn without_time(&self) -> Step {
        let all = self.ledger.store.count(&LOG, &LOG.all()).await?;
        let with_time = self.ledger.store.count(&LOG, &timed()).await?;
        if all <= with_time {
            return Ok(None);
        }
        let mut query = LOG.all().limit(PAGE);
        loop {
            let docs = self.ledger.store.query(&LOG, &query).await?;
            let wrong = docs.iter().find(|doc| !doc.value.as_object().is_some_and(is_timed));
            if let Some(doc) = wrong {
                return Ok(Some(Problem::unreadable_time(&doc.id)));
            }
            let Some(last) = docs.last().filter(|_| docs.len() == PAGE as usize) else { return Ok(None) };
            query.after = Some(store::Cursor { values: Vec::new(), id: last.id.clone() });
        }
    }
}
