use uuid::Uuid;

/// A source of random bytes. Everything unpredictable (ids, tokens, keys, jitter) comes from one of these, so that a
/// test can seed it.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// What is made from random bytes.
pub trait RandomExt {
    /// `N` random bytes.
    fn bytes<const N: usize>(&self) -> [u8; N];
    /// A UUID of version 4.
    fn uuid(&self) -> Uuid;
    /// A number below `bound`; 0 where `bound` is 0. The bias is below 2^-32 for the bounds used here (jitter, codes).
    fn below(&self, bound: u32) -> u32;
}

impl<R: Random + ?Sized> RandomExt for R {
    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    fn below(&self, bound: u32) -> u32 {
        let wide = u128::from(u64::from_le_bytes(self.bytes())) * u128::from(bound);
        // The product is below bound * 2^64, so its upper half is below bound and fits.
        u32::try_from(wide >> 64).unwrap_or(0)
    }
}

/// The operating system's random source. Asked directly: aws-lc's own source measures the processor's jitter before its
/// first number, which is half of a function's start.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // Unwrap safety: it fails only where the system has no entropy source at all, and then nothing may go on.
        #[expect(clippy::unwrap_used, reason = "no safe way on without randomness")]
        getrandom::fill(bytes).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_below_their_bound() {
        assert_eq!(OsRandom.below(0), 0);
        assert_eq!(OsRandom.below(1), 0);
        let seen: std::collections::BTreeSet<u32> = (0..500).map(|_| OsRandom.below(6)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    }
}
