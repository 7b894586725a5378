//! Firestore databases: made, with their indexes, field settings and backup schedules, and checked.

mod backups;
mod database;
mod database_id;
mod fields;
mod indexes;
mod operation;
mod plan;
mod problem;

use std::sync::Arc;

use futures::future::{BoxFuture, join_all};
use futures::{StreamExt, TryStreamExt, stream};
use google_cloud_firestore_admin_v1::client::FirestoreAdmin;

pub use database_id::{DatabaseId, InvalidDatabaseId};
pub use plan::{ArrayMode, DatabasePlan, FirestorePlan, IndexFieldPlan, IndexOrder, IndexPlan, TtlPlan, UnindexedPlan};
pub use problem::Problem;

use crate::connection::Patience;
use crate::{GoogleProject, Progress, SetupError};

/// How many indexes and field settings are asked for at once. More, and Firestore aborts some of them.
const AT_ONCE: usize = 4;

/// After how many questions a thing that was made has to be listed.
const LISTED_AFTER: u32 = 5;

/// Whether something was made by this call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is new.
    Made,
    /// It was there, as planned.
    WasThere,
}

/// What has been asked for, and is waited for.
type Waiting = BoxFuture<'static, Result<(), SetupError>>;

/// The Firestore databases of a project.
#[derive(Clone)]
pub struct Databases {
    project: GoogleProject,
    progress: Teller,
}

impl Databases {
    /// Those of `project`.
    pub fn new(project: GoogleProject) -> Self {
        Self { project, progress: Teller(Arc::new(|_| {})) }
    }

    /// The same, telling how far it is.
    #[must_use]
    pub fn telling(self, tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        Self { progress: Teller(Arc::new(tell)), ..self }
    }

    /// Makes the database where it is missing, and whatever indexes, field settings and backup schedules it lacks, and
    /// waits until Google has built them. Run again after a failure it goes on from there; what is there stays as it is.
    ///
    /// # Errors
    /// [`SetupError::Differs`] where the database is there with other settings; nothing has been changed then.
    pub async fn ensure(&self, plan: &DatabasePlan) -> Result<Made, SetupError> {
        plan.check()?;
        let patience = self.project.connection().patience();
        let desk = self.desk(plan, patience).await?;
        let made = desk.ensure_database().await?;
        let started = desk.start_missing().await?;
        desk.ensure_backup_schedules().await?;
        let waited = join_all(started).await;
        waited.into_iter().collect::<Result<Vec<()>, SetupError>>()?;
        desk.wait_until_built().await?;
        Ok(made)
    }

    /// What of the plan is missing or otherwise. Reads only.
    pub async fn check(&self, plan: &DatabasePlan) -> Result<Vec<Problem>, SetupError> {
        plan.check()?;
        let desk = self.desk(plan, self.project.connection().patience()).await?;
        let Some(found) = desk.find_database().await? else {
            return Ok(vec![Problem::NoDatabase { database: desk.name }]);
        };
        let mut problems = desk.plan.differences(&found);
        problems.extend(desk.index_problems().await?);
        problems.extend(desk.field_problems().await?);
        problems.extend(desk.backup_problems().await?);
        Ok(problems)
    }

    async fn desk<'a>(&'a self, plan: &'a DatabasePlan, patience: Patience) -> Result<Desk<'a>, SetupError> {
        let client = self.project.connection().firestore().await?;
        let name = format!("projects/{}/databases/{}", self.project.id(), plan.database);
        Ok(Desk { client, project: self.project.id(), name, plan, patience, progress: self.progress.clone() })
    }
}

impl std::fmt::Debug for Databases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Databases({})", self.project.id())
    }
}

/// Whom progress is told.
#[derive(Clone)]
struct Teller(Arc<dyn Fn(&Progress) + Send + Sync>);

impl Teller {
    fn tell(&self, progress: &Progress) {
        tracing::info!(progress = %progress, "setting up");
        (self.0)(progress);
    }
}

/// What one command works with.
struct Desk<'a> {
    client: &'a FirestoreAdmin,
    project: &'a str,
    /// The database's full name.
    name: String,
    plan: &'a DatabasePlan,
    patience: Patience,
    progress: Teller,
}

impl Desk<'_> {
    /// Asks for all indexes and field settings that are missing, and answers with what is to be waited for.
    async fn start_missing(&self) -> Result<Vec<Waiting>, SetupError> {
        let indexes = self.missing_indexes().await?;
        let fields = self.missing_fields().await?;
        let mut starting: Vec<BoxFuture<'_, Result<Option<Waiting>, SetupError>>> = Vec::new();
        for index in indexes {
            starting.push(Box::pin(self.start_index(index)));
        }
        for field in fields {
            starting.push(Box::pin(self.start_field(field)));
        }
        let started: Vec<Option<Waiting>> = stream::iter(starting).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(started.into_iter().flatten().collect())
    }

    /// Waits for what another run has asked for, too.
    async fn wait_until_built(&self) -> Result<(), SetupError> {
        for asked in 0.. {
            let mut problems = self.index_problems().await?;
            problems.extend(self.field_problems().await?);
            let Some(first) = problems.first() else { break };
            let hopeless = |problem: &&Problem| problem.is_broken() || (asked >= LISTED_AFTER && !problem.passes());
            if let Some(broken) = problems.iter().find(hopeless) {
                let what = format!("{} in {}", broken, self.name);
                return Err(SetupError::OperationFailed { what, reason: broken.advice().to_owned() });
            }
            let what = format!("{first} in {}", self.name);
            self.progress.tell(&Progress::Waiting { what: what.clone(), asked: asked + 1 });
            self.patience.pause(asked, &what).await?;
        }
        Ok(())
    }
}
