use std::fmt;

use kernel::Random;
use zeroize::Zeroizing;

/// The 256 bits of a data key, in the clear. Cleared when dropped, and its `Debug` tells nothing.
#[derive(Clone)]
pub struct DataKeyBytes(Zeroizing<[u8; 32]>);

impl DataKeyBytes {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// A key that a [`crate::KeyWrap`] unwrapped; `None` where it has not 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    /// The bytes, for a [`crate::KeyWrap`] to wrap.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DataKeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKeyBytes(..)")
    }
}
