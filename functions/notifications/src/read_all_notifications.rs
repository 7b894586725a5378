use axum::extract::State;
use kernel::Time;
use model::notification::{Notification, notifications};
use serde::Serialize;
use store::{Collection, Direction, Op, Store};
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Json, Problems};

/// How many go in one commit.
const CHUNK: u32 = 200;

/// How many notifications were marked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReadNotifications {
    /// How many were not read before.
    #[schema(example = 12)]
    count: u64,
    /// For people.
    #[schema(example = "All notifications marked as read")]
    message: &'static str,
}

/// Mark all my notifications as read
///
/// All that were made until now; what arrives meanwhile stays unread.
#[utoipa::path(
    put, path = "/api/v1/notifications/read-all", tag = "notifications", security(("bearer" = [])),
    responses((status = 200, body = ReadNotifications, description = "All are read"), Problems),
)]
pub(crate) async fn read_all_notifications(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<ReadNotifications>, ApiError> {
    let mine = notifications(caller.user());
    let now = app.now();
    let unread = mine
        .all()
        .eq("isRead", false)
        .filter("createdAt", Op::LessOrEqual, now.to_string())
        .order("createdAt", Direction::Descending)
        .limit(CHUNK);
    // Each part stands for itself, so an Idempotency-Key must not take the first for the whole.
    let quiet = caller.store.clone().without_companions();
    let mut count = 0;
    loop {
        let ids: Vec<String> = caller.store.query(&mine, &unread).await?.into_iter().map(|doc| doc.id).collect();
        if ids.is_empty() {
            break;
        }
        count += read_these(&quiet, &mine, &ids, now).await?;
    }
    Ok(Json(ReadNotifications { count, message: "All notifications marked as read" }))
}

/// Marks these, and says how many were not read before.
async fn read_these(
    store: &Store,
    mine: &Collection<Notification>,
    ids: &[String],
    now: Time,
) -> Result<u64, ApiError> {
    store
        .transact("read-all-notifications", async |tx| {
            let mut count = 0;
            for doc in tx.get_many(mine, ids).await?.into_iter().flatten().filter(|doc| !doc.value.is_read) {
                let read = Notification { is_read: true, read_at: Some(now), ..doc.value };
                tx.put_until(mine, &doc.id, &read, read.expires_at())?;
                count += 1;
            }
            Ok(count)
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::{Role, Sealed};
    use model::notification::NotificationType;
    use testkit::TestApp;

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        all_up_to_now_are_read,
    }

    async fn all_up_to_now_are_read(app: TestApp) {
        let (bob, ann) = (app.user(Role::Patient, "Bob").await, app.user(Role::Doctor, "Ann").await);
        let some = 2 * CHUNK + 50;
        let now = app.app.now();
        let notification = |at| Notification {
            kind: NotificationType::Message,
            chat_id: "c".parse().ok(),
            patient_id: None,
            message_id: None,
            emergency_id: None,
            title: Sealed::from_text(String::new()),
            body: Sealed::from_text(String::new()),
            is_read: false,
            read_at: None,
            created_at: at,
        };
        let mine = notifications(&bob.id);
        for chunk in (0..some).collect::<Vec<_>>().chunks(250) {
            let write = app.store.transact("test", async |tx| {
                for n in chunk {
                    tx.put(&mine, &format!("n{n}"), &notification(now))?;
                }
                tx.put(&notifications(&ann.id), "hers", &notification(now))
            });
            write.await.unwrap();
        }
        let later = notification(now.plus(Duration::from_secs(1)));
        app.store.transact("test", async |tx| tx.put(&mine, "later", &later)).await.unwrap();

        let answer = app.put("/api/v1/notifications/read-all").by(&bob).expect(200).await;
        assert_eq!(answer["count"], some);
        let unread =
            async |user| app.get("/api/v1/notifications/unread/count").by(user).expect(200).await["count"].clone();
        assert_eq!((unread(&bob).await, unread(&ann).await), (1.into(), 1.into()));
        assert_eq!(app.put("/api/v1/notifications/read-all").by(&bob).expect(200).await["count"], 0);
        app.put("/api/v1/notifications/read-all").refused(401, "UNAUTHORIZED").await;
    }
}
