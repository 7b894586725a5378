//! The first administrator of a tenant: who is named by the configuration (`FIRST_ADMIN_EMAIL`) is invited where there is
//! no other.

use events::Failure;
use kernel::{Email, Phi, Role};
use model::user::USERS;
use store::Store;
use web::{ApiError, App, Code, Job};

use crate::invitations::{Invited, invite};

/// At the start, without keeping it waiting. What fails is done by the schedule.
pub(crate) async fn invite_soon(app: App) {
    let (Some(email), Some(tenant)) = (app.settings.first_admin.clone(), app.settings.default_tenant.clone()) else {
        return;
    };
    tokio::spawn(async move {
        let invited = match app.tenants.open(&tenant).await {
            Ok(Some(store)) => ensure(&app, &store, email).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = invited {
            tracing::warn!(reason = error.message(), "the first administrator could not be invited yet");
            error.log();
        }
    });
}

/// From time to time.
pub(crate) async fn invite_where_missing(job: Job) -> Result<(), Failure> {
    let Job { app, store } = job;
    let is_default = app.settings.default_tenant.as_ref() == Some(&store.database().tenant);
    match app.settings.first_admin.clone() {
        Some(email) if is_default => Ok(ensure(&app, &store, email).await?),
        _ => Ok(()),
    }
}

/// Invites the person where nobody administers the tenant. Of several instances, one makes the account.
async fn ensure(app: &App, store: &Store, email: Email) -> Result<(), ApiError> {
    for role in [Role::ClinicAdmin, Role::Admin, Role::SuperAdmin] {
        let open = USERS.all().eq("role", role.name()).eq("active", true).limit(1);
        if !store.query(&USERS, &open).await?.is_empty() {
            return Ok(());
        }
    }
    let name = Phi::new("Administrator".to_owned());
    match invite(app, store, Invited { name, email, role: Role::ClinicAdmin }).await {
        Ok((user, _)) => {
            tracing::info!(user_id = %user, "the first administrator was invited");
            Ok(())
        }
        Err(error) if error.code() == Code::DuplicateEntry => {
            tracing::warn!(
                "FIRST_ADMIN_EMAIL has an account that is no administrator: make one by `consentmd admin create`"
            );
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::Role;
    use model::user::{USERS, User};
    use testkit::{Build, TestApp};
    use web::Settings;

    testkit::on_both_platforms! { builds; a_tenant_without_an_admin_gets_one, one_with_an_admin_is_left_alone }

    async fn build(mut build: Build) -> TestApp {
        build.settings = Settings { first_admin: Some("ada@clinic.example".parse().unwrap()), ..build.settings };
        TestApp::build(build, vec![crate::function()]).await
    }

    async fn admins(app: &TestApp) -> Vec<User> {
        let all = app.store.query(&USERS, &USERS.all()).await.unwrap().into_iter().map(|doc| doc.value);
        all.filter(|user| user.role.is_admin()).collect()
    }

    async fn a_tenant_without_an_admin_gets_one(given: Build) {
        let app = build(given).await;
        for _ in 0..500 {
            if !admins(&app).await.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let found = admins(&app).await;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].role, found[0].verified, found[0].active), (Role::ClinicAdmin, true, true));
        assert_eq!(app.sent().await.len(), 1);
        let second = app.second_instance(vec![crate::function()]).await;
        for app in [&app, &second] {
            super::ensure(&app.app, &app.store, "ada@clinic.example".parse().unwrap()).await.unwrap();
        }
        assert_eq!((admins(&app).await.len(), app.sent().await.len()), (1, 1));
    }

    async fn one_with_an_admin_is_left_alone(given: Build) {
        let app = TestApp::build(given, vec![crate::function()]).await;
        app.user(Role::Admin, "Otto").await;
        super::ensure(&app.app, &app.store, "ada@clinic.example".parse().unwrap()).await.unwrap();
        assert_eq!((admins(&app).await.len(), app.sent().await.len()), (1, 0));
    }
}
