//! Chats and messages over REST: one file per operation, in the order of wire types, document, handler, tests.
//!
//! What realtime and the scribe also need is in `shared/conversations`.

mod acknowledge_message;
mod add_participant;
mod care;
mod create_chat;
mod delete_chat;
mod delete_message;
mod edit_message;
mod get_chat;
mod get_message;
mod list_chats;
mod list_messages;
mod mark_read;
mod message_history;
mod message_receipts;
mod new_chat;
mod profile_changed;
mod remove_participant;
mod search_messages;
mod send_message;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod unread_counts;
mod update_chat;
mod update_membership;
mod window;
mod wire;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{App, Function};

/// The function.
pub fn function() -> Function {
    Function::new("chats").routes(routes()).on("chats-profile-changed", profile_changed::profile_changed)
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_chat::create_chat, list_chats::list_chats))
        .routes(routes!(get_chat::get_chat, update_chat::update_chat, delete_chat::delete_chat))
        .routes(routes!(update_membership::pin_chat))
        .routes(routes!(update_membership::update_chat_membership))
        .routes(routes!(add_participant::add_chat_participant))
        .routes(routes!(remove_participant::remove_chat_participant))
        .routes(routes!(send_message::send_message, list_messages::list_messages))
        .routes(routes!(mark_read::mark_all_messages_read))
        .routes(routes!(search_messages::search_messages))
        .routes(routes!(get_message::get_message, edit_message::edit_message, delete_message::delete_message))
        .routes(routes!(message_history::get_message_history))
        .routes(routes!(mark_read::mark_message_read))
        .routes(routes!(message_receipts::get_message_receipts))
        .routes(routes!(acknowledge_message::acknowledge_message))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[tokio::test]
    async fn the_document_has_each_operation_once() {
        let app = testkit::TestApp::on_sqlite(vec![super::function()]).await;
        let document = serde_json::to_value(app.openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let ours = paths.iter().filter(|(path, _)| path.starts_with("/api/v1/"));
        let operations: Vec<_> = ours
            .flat_map(|(path, item)| {
                let methods = item.as_object().unwrap().iter();
                methods.map(move |(method, operation)| (format!("{method} {path}"), operation.clone()))
            })
            .collect();
        assert_eq!(operations.len(), 20);
        let names: BTreeSet<_> = operations.iter().map(|(_, operation)| operation["operationId"].to_string()).collect();
        assert_eq!(names.len(), operations.len());
        for (name, operation) in operations {
            let statuses = operation["responses"].as_object().unwrap();
            assert!(statuses.contains_key("401") && statuses.keys().any(|status| status.starts_with('2')), "{name}");
            assert!(operation["security"].is_array(), "{name}");
            let in_path = operation["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "path");
            assert_eq!(in_path.count(), name.matches('{').count(), "{name}");
        }
    }
}
