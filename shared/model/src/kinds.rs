//! The list of all collections, for what has to be set up before documents are stored: indexes and expiry.

use kernel::{ChatId, MessageId, PatientId, Random, UserId};
use store::Kind;

use crate::{
    address, audit, audit_tree, chart, chat, consent, emergency, event, inbox, invitation, membership, message, note,
    notification, one_time, outgoing, outside, patient, preferences, scribe_job, session, shred, sign_in, tenant, user,
    vitals,
};

/// Every collection of this crate, those below other documents too, in the order of their names. A test fails that stores
/// something in one that is missing.
pub fn kinds() -> Vec<Kind> {
    // Below which document makes no difference.
    let (chat, message) = (ChatId::generate(&Zeroes), MessageId::generate(&Zeroes));
    let (patient, user) = (PatientId::generate(&Zeroes), UserId::generate(&Zeroes));
    let mut kinds = vec![
        address::ADDRESS_BOOKS.kind(),
        audit::AUDIT.kind(),
        audit_tree::BATCHES.kind(),
        audit_tree::TILES.kind(),
        audit_tree::TREE_HEADS.kind(),
        chart::chart(&patient).kind(),
        chart::former_items(&patient).kind(),
        chat::CHATS.kind(),
        chat::DIRECT_CHATS.kind(),
        chat::log(&chat).kind(),
        consent::consents(&patient).kind(),
        emergency::REVIEWS.kind(),
        event::EFFECTS.kind(),
        event::OUTBOX.kind(),
        event::PARKED.kind(),
        inbox::FAN_OUTS.kind(),
        inbox::INBOX_HEADS.kind(),
        inbox::inbox(&user).kind(),
        invitation::INVITATIONS.kind(),
        invitation::PATIENT_ACCOUNTS.kind(),
        invitation::WRONG_CODES.kind(),
        membership::MEMBERSHIPS.kind(),
        message::acknowledgements(&message).kind(),
        message::client_sends(&user).kind(),
        message::messages(&chat).kind(),
        message::versions(&message).kind(),
        note::NOTES.kind(),
        notification::notifications(&user).kind(),
        notification::receipts(&user).kind(),
        one_time::ONE_TIME_TOKENS.kind(),
        outgoing::OUTGOING.kind(),
        outside::OUTSIDE_TIES.kind(),
        patient::MRN_OWNERS.kind(),
        patient::PATIENTS.kind(),
        preferences::PREFERENCES.kind(),
        scribe_job::SCRIBE_JOBS.kind(),
        session::SESSIONS.kind(),
        shred::SHRED_CERTIFICATES.kind(),
        sign_in::ATTEMPTS.kind(),
        sign_in::OTP_REQUESTS.kind(),
        sign_in::PHONE_OWNERS.kind(),
        sign_in::THROTTLES.kind(),
        tenant::TENANTS.kind(),
        user::EMAIL_OWNERS.kind(),
        user::USERS.kind(),
        vitals::vitals(&patient).kind(),
    ];
    kinds.sort_by_key(|kind| kind.name);
    kinds
}

struct Zeroes;

impl Random for Zeroes {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_stands_once() {
        let kinds = kinds();
        let names: BTreeSet<_> = kinds.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), kinds.len());
    }

    #[test]
    fn what_is_not_indexed_is_no_composite_index_of_one_field() {
        for kind in kinds() {
            assert!(
                kind.indexes.iter().all(|index| index.len() > 1),
                "{}: a single field needs no declaration",
                kind.name
            );
        }
    }
}
