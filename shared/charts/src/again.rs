use access::decision::Reason;
use async_trait::async_trait;
use kernel::PatientId;
use model::patient::PATIENTS;
use web::{ApiError, App, Caller, ShowsAgain};

use crate::Asking;

/// Lets the answer to a request about patients be given again only while something that allowed it then still ties the
/// caller to each of them.
#[derive(Debug, Clone, Copy)]
pub struct WhileTiesLast;

#[async_trait]
impl ShowsAgain for WhileTiesLast {
    async fn may_show(
        &self,
        app: &App,
        caller: &Caller,
        patients: &[PatientId],
        because: &[String],
    ) -> Result<bool, ApiError> {
        let asking = Asking::of(app, caller);
        let ids: Vec<String> = patients.iter().map(|id| id.as_str().to_owned()).collect();
        for (id, found) in patients.iter().zip(caller.store.get_many(&PATIENTS, &ids).await?) {
            let Some(found) = found else { return Ok(false) };
            let ties = asking.ties(id, &found.value).await?;
            if !ties.iter().map(Reason::code).any(|tie| because.contains(&tie)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
