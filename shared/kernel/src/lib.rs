//! Words that every room uses: ids, time, randomness, roles and personal data. Nothing here does I/O.
//!
//! To add an id type, add a line to [`id`]; to add any other word, give it a file of its own and re-export it here.

mod channel;
mod day;
mod email;
pub mod id;
mod phi;
mod phone;
mod random;
mod role;
mod sealed;
mod time;

pub use channel::Channel;
pub use day::{Day, InvalidDay};
pub use email::{Email, InvalidEmail};
pub use id::{
    AddressId, AuditId, ChartItemId, ChatId, ConsentId, EmergencyId, EventId, FamilyId, InvalidId, InvitationId, JobId,
    MessageId, NoteId, NotificationId, OtpRequestId, OutgoingId, PatientId, SessionId, TenantId, UserId,
};
pub use phi::Phi;
pub use phone::{InvalidPhone, Phone};
pub use random::{OsRandom, Random, RandomExt};
pub use role::{InvalidRole, Role};
pub use sealed::Sealed;
pub use time::{Clock, InvalidTime, SystemClock, Time};
