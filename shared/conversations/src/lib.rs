//! What several functions do with chats: find one for someone who may see it, send a message, move a read mark, show
//! messages. The chats function serves these over REST, realtime over sockets, the scribe reads transcripts.

mod change;
mod gate;
mod lane;
mod notices;
mod open;
mod places;
mod read_marks;
mod roster;
mod send;
mod show;

pub use change::Change;
pub use gate::{admit, admit_in, members_now, takes_part};
pub use lane::turn;
pub use notices::{
    NotificationData, NotificationView, notification_place, notification_subject, show_notification,
    show_notifications, show_own_notification,
};
pub use open::{OpenChat, chat_subject, open, open_many, open_message};
pub use places::Places;
pub use read_marks::{acknowledge, mark_delivered, mark_read};
pub use roster::{NamedUser, named_users};
pub use send::{MAX_MESSAGE_CHARS, NewMessage, Sent, content_of_kind, preview_of, send, send_once, words_of};
pub use show::{MessageView, SenderView, TOLD_READ_UP_TO, has_read, is_read, show};
