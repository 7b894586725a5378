use super::{Ask, needing, plain};
use crate::scene::Thing::Notification;

pub(super) fn asks() -> Vec<Ask> {
    vec![
        needing("GET /api/v1/notifications", &[Notification]),
        plain("GET /api/v1/notifications/unread/count"),
        needing("PUT /api/v1/notifications/{notificationId}/read", &[Notification]),
        plain("PUT /api/v1/notifications/read-all"),
    ]
}
