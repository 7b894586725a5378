//! An emergency access makes one notification for each person who looks after privacy in the clinic.

use std::collections::BTreeSet;

use conversations::{notification_place, notification_subject};
use events::{Delivery, Emit, Failure};
use kernel::{NotificationId, Phi, Role, UserId};
use model::event::{GlassBroken, NotificationsCreated};
use model::notification::{Notification, NotificationType, id_for_emergency, notifications};
use model::user::{USERS, User};
use store::{Key, Op};
use web::{ApiError, Job};

/// What it says. It leads to the review and names nobody.
const TITLE: &str = "Emergency access to a patient's record: review it";
const BODY: &str = "Someone declared an emergency to open a patient's record. Say whether it was justified.";
/// At most so many are told, which goes in one commit.
const MOST_RECIPIENTS: u32 = 100;

/// Tells the clinic's privacy officers, or its admins where it has named none, of an emergency access.
pub(crate) async fn notify_of_emergency(job: Job, delivery: Delivery<GlassBroken>) -> Result<(), Failure> {
    if delivery.is_done(&job.store).await? {
        return Ok(());
    }
    let emergency = &delivery.event.emergency_id;
    let Some(id) = id_for_emergency(emergency) else { return Ok(()) };
    let mut told = Vec::new();
    for user in recipients(&job, &delivery.event.user_id).await? {
        let notification = written(&job, &delivery.event, &id, &user).await?;
        told.push((user, notification));
    }
    let now = job.app.now();
    let created = job.app.occurs(NotificationsCreated { notification_id: id.clone(), user_ids: Vec::new() });
    let keys: Vec<Key> = told.iter().map(|(user, _)| Key::new(notifications(user).path(), id.as_str())).collect();
    let write = job.store.transact("notify-of-emergency", async |tx| {
        let before = tx.get_keys(keys.clone()).await?;
        let mut new = Vec::new();
        for ((user, notification), _) in told.iter().zip(before).filter(|(_, before)| before.is_none()) {
            tx.create_until(&notifications(user), id.as_str(), notification, notification.expires_at())?;
            new.push(user.clone());
        }
        if !new.is_empty() {
            tx.emit(&created.with(NotificationsCreated { notification_id: id.clone(), user_ids: new }))?;
        }
        delivery.mark(&tx, now)
    });
    Ok(write.await?)
}

/// The privacy officers whose accounts are open, else the clinic's admins; never the one who declared the emergency.
async fn recipients(job: &Job, declared_by: &UserId) -> Result<BTreeSet<UserId>, ApiError> {
    let named = job.app.tenants.policy(&job.store.database().tenant).await?.privacy_officers;
    let ids: Vec<String> = named.iter().map(ToString::to_string).take(MOST_RECIPIENTS as usize).collect();
    let mut found: Vec<store::Doc<User>> = job.store.get_many(&USERS, &ids).await?.into_iter().flatten().collect();
    let can_review = |user: &store::Doc<User>| user.value.may_see_phi() && user.id != declared_by.as_str();
    found.retain(can_review);
    if found.is_empty() {
        let roles = serde_json::json!([Role::ClinicAdmin, Role::Admin]);
        let admins = USERS.all().filter("role", Op::In, roles).eq("verified", true).eq("active", true);
        found = job.store.query(&USERS, &admins.limit(MOST_RECIPIENTS)).await?;
        found.retain(can_review);
    }
    Ok(found.into_iter().filter_map(|user| user.id.parse().ok()).collect())
}

async fn written(
    job: &Job,
    event: &GlassBroken,
    id: &NotificationId,
    recipient: &UserId,
) -> Result<Notification, ApiError> {
    let mut notification = Notification {
        kind: NotificationType::SystemAlert,
        chat_id: None,
        patient_id: None,
        message_id: None,
        emergency_id: Some(event.emergency_id.clone()),
        title: kernel::Sealed::from_text(String::new()),
        body: kernel::Sealed::from_text(String::new()),
        is_read: false,
        read_at: None,
        created_at: job.app.now(),
    };
    let key = job.app.vault.ensure_key(&job.store, &notification_subject(&notification, recipient)).await?;
    let place = notification_place(&job.store.database().tenant, id);
    notification.title = key.seal(&place.field("title"), &Phi::new(TITLE.to_owned()));
    notification.body = key.seal(&place.field("body"), &Phi::new(BODY.to_owned()));
    Ok(notification)
}

#[cfg(test)]
mod tests {
    use model::event::{Envelope, Event};
    use model::tenant::TENANTS;
    use serde_json::{Value, json};
    use testkit::{TestApp, TestUser};

    use super::*;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        the_clinics_admins_are_told_once, privacy_officers_are_told_instead,
    }

    /// The event of an emergency that `user` declared.
    fn declared(app: &TestApp, id: &str, user: &UserId) -> Envelope {
        let event = GlassBroken {
            emergency_id: id.parse().unwrap(),
            patient_id: "p-canary".parse().unwrap(),
            user_id: user.clone(),
        };
        Envelope {
            id: format!("of-{id}").parse().unwrap(),
            name: GlassBroken::NAME.to_owned(),
            tenant: app.tenant.clone(),
            occurred_at: app.app.now(),
            lane: None,
            data: serde_json::to_value(event).unwrap(),
        }
    }

    async fn told(app: &TestApp, user: &TestUser) -> Vec<Value> {
        let list = app.get("/api/v1/notifications").by(user).expect(200).await;
        list["data"].as_array().unwrap().clone()
    }

    async fn the_clinics_admins_are_told_once(app: TestApp) {
        let dan = app.user(Role::Doctor, "Dan").await;
        let (ada, cam) = (app.user(Role::Admin, "Ada").await, app.user(Role::ClinicAdmin, "Cam").await);
        let unverified = app.user_verified(Role::Admin, "Una", false).await;
        for _ in 0..2 {
            app.deliver(declared(&app, "e1", &dan.id)).await;
        }
        for admin in [&ada, &cam] {
            let list = told(&app, admin).await;
            assert_eq!(list.len(), 1);
            let expected = json!({
                "id": "e-e1", "type": "system_alert", "title": TITLE, "body": BODY,
                "data": {"chatId": null, "messageId": null, "reviewId": "e1"},
                "isRead": false, "readAt": null, "createdAt": app.app.now(), "timestamp": app.app.now(),
            });
            assert_eq!(list[0], expected);
        }
        assert!(told(&app, &dan).await.is_empty());
        let none = notifications(&unverified.id);
        assert_eq!(app.store.count(&none, &none.all()).await.unwrap(), 0);
        // Nothing of it is in clear, and nobody else's key opens it.
        let key = Key::new(notifications(&ada.id).path(), "e-e1");
        let stored = app.store.get_keys(&[key]).await.unwrap().pop().flatten().unwrap();
        let text = serde_json::to_string(&stored.fields).unwrap();
        assert!(!text.contains("Emergency access") && !text.contains("p-canary"), "{text}");
    }

    async fn privacy_officers_are_told_instead(app: TestApp) {
        let (dan, ada) = (app.user(Role::Doctor, "Dan").await, app.user(Role::Admin, "Ada").await);
        let (fay, gus) = (app.user(Role::Nurse, "Fay").await, app.user_verified(Role::Doctor, "Gus", false).await);
        let mut tenant = app.app.tenants.registry().get(&TENANTS, app.tenant.as_str()).await.unwrap().unwrap().value;
        tenant.policy.privacy_officers = vec![fay.id.clone(), gus.id.clone(), dan.id.clone()];
        app.app.tenants.register(&app.tenant, &tenant).await.unwrap();
        app.clock.advance(std::time::Duration::from_secs(61));
        app.deliver(declared(&app, "e1", &dan.id)).await;
        assert_eq!((told(&app, &fay).await.len(), told(&app, &ada).await.len()), (1, 0));
        // Where no other is left, the admins look after it.
        tenant.policy.privacy_officers = vec![fay.id.clone()];
        app.app.tenants.register(&app.tenant, &tenant).await.unwrap();
        app.clock.advance(std::time::Duration::from_secs(61));
        app.deliver(declared(&app, "e2", &fay.id)).await;
        assert_eq!((told(&app, &dan).await.len(), told(&app, &ada).await.len()), (0, 1));
    }
}
