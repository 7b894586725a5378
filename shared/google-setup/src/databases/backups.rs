use google_cloud_firestore_admin_v1::model::backup_schedule::Recurrence;
use google_cloud_firestore_admin_v1::model::{BackupSchedule, DailyRecurrence, WeeklyRecurrence};
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_wkt::Duration;

use super::{Desk, Problem};
use crate::failure::{Call, Needs, is};
use crate::{Progress, SetupError};

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// The day of weekly backups, in UTC; the quietest of a clinic's.
const DAY_OF_WEEK: &str = "SUNDAY";

/// A database has at most one schedule of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Every {
    Day,
    Week,
}

impl Every {
    const BOTH: [Self; 2] = [Self::Day, Self::Week];

    const fn word(self) -> &'static str {
        match self {
            Self::Day => "daily",
            Self::Week => "weekly",
        }
    }

    fn is_of(self, schedule: &BackupSchedule) -> bool {
        match &schedule.recurrence {
            Some(Recurrence::DailyRecurrence(_)) => self == Self::Day,
            Some(Recurrence::WeeklyRecurrence(_)) => self == Self::Week,
            _ => false,
        }
    }
}

impl Desk<'_> {
    /// Makes the schedules that are missing. One that keeps backups for another time is left alone.
    pub(super) async fn ensure_backup_schedules(&self) -> Result<(), SetupError> {
        for (every, problem) in self.backup_findings().await? {
            match problem {
                Problem::NoBackups { .. } => self.create_backup_schedule(every).await?,
                other => self.progress.tell(&Progress::LeftAlone { problem: format!("{other} in {}", self.name) }),
            }
        }
        Ok(())
    }

    /// Which schedules are missing, or keep backups for less than planned.
    pub(super) async fn backup_problems(&self) -> Result<Vec<Problem>, SetupError> {
        Ok(self.backup_findings().await?.into_iter().map(|(_, problem)| problem).collect())
    }

    async fn backup_findings(&self) -> Result<Vec<(Every, Problem)>, SetupError> {
        let listing = self.client.list_backup_schedules().set_parent(&self.name).send().await;
        let listed = listing.map_err(|error| self.backup_call("list backup schedules").failed(&error))?;
        let finding = |every: Every| {
            let found = listed.backup_schedules.iter().find(|schedule| every.is_of(schedule));
            let Some(found) = found else { return Some((every, Problem::NoBackups { every: every.word() })) };
            let kept = found.retention.as_ref().map_or(0, Duration::seconds);
            let planned = self.retention(every);
            let setting = match every {
                Every::Day => "the time that daily backups are kept",
                Every::Week => "the time that weekly backups are kept",
            };
            let days = |seconds: i64| format!("{} days", seconds / DAY_SECONDS);
            let shorter = Problem::Setting { setting, found: days(kept), planned: days(planned) };
            (kept < planned).then_some((every, shorter))
        };
        Ok(Every::BOTH.into_iter().filter_map(finding).collect())
    }

    async fn create_backup_schedule(&self, every: Every) -> Result<(), SetupError> {
        let schedule = BackupSchedule::new().set_retention(Duration::clamp(self.retention(every), 0));
        let schedule = match every {
            Every::Day => schedule.set_daily_recurrence(DailyRecurrence::new()),
            Every::Week => schedule.set_weekly_recurrence(WeeklyRecurrence::new().set_day(DAY_OF_WEEK)),
        };
        let request = self.client.create_backup_schedule().set_parent(&self.name).set_backup_schedule(schedule);
        // A second attempt cannot make a second schedule: a database has one of each kind at most.
        match request.with_idempotency(true).send().await {
            Err(error) if !is(&error, Code::AlreadyExists) => {
                Err(self.backup_call("create backup schedule").failed(&error))
            }
            _ => {
                let what = format!("{} backup schedule of {}", every.word(), self.name);
                self.progress.tell(&Progress::Done { what });
                Ok(())
            }
        }
    }

    fn backup_call(&self, operation: &'static str) -> Call<'_> {
        self.call(operation, &self.name, Needs::BACKUPS)
    }

    fn retention(&self, every: Every) -> i64 {
        match every {
            Every::Day => i64::from(self.plan.daily_backup_days) * DAY_SECONDS,
            Every::Week => i64::from(self.plan.weekly_backup_weeks) * 7 * DAY_SECONDS,
        }
    }
}
