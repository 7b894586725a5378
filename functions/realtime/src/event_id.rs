//! Event ids: where a client stands in its inbox, as text that it gives back to resume.

use aws_lc_rs::digest;
use kernel::{TenantId, UserId};

/// Makes and reads the event ids of one user. An id tells a number in that user's inbox and is of no use to others.
#[derive(Debug, Clone)]
pub(crate) struct EventIds {
    owner: String,
}

impl EventIds {
    pub(crate) fn of(tenant: &TenantId, user: &UserId) -> Self {
        Self { owner: digest_of(&format!("{tenant}/{user}"))[..12].to_owned() }
    }

    /// The id of the entry with this number; 0 is before the first.
    pub(crate) fn id(&self, number: u64) -> String {
        format!("{number}-{}", self.owner)
    }

    /// The number of an id; `None` where it is none of this user's.
    pub(crate) fn number(&self, id: &str) -> Option<u64> {
        let (number, owner) = id.split_once('-')?;
        let number: u64 = number.parse().ok()?;
        (owner == self.owner && self.id(number) == id).then_some(number)
    }
}

/// Any text as a short one that is safe as an id.
pub(crate) fn digest_of(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_by_its_owner_alone() {
        let of = |tenant: &str, user: &str| EventIds::of(&tenant.parse().unwrap(), &user.parse().unwrap());
        let ann = of("clinic", "ann");
        assert_eq!(ann.number(&ann.id(12)), Some(12));
        assert_eq!(ann.number(&ann.id(0)), Some(0));
        assert_eq!(of("clinic", "bob").number(&ann.id(12)), None);
        assert_eq!(of("other", "ann").number(&ann.id(12)), None);
        for bad in ["", "12", "-", "x-y", "+12", "99999999999999999999999-00"] {
            assert_eq!(ann.number(bad), None, "{bad}");
        }
        assert_eq!(ann.number(&format!("0{}", ann.id(12))), None);
    }
}
