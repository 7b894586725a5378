use std::time::Duration;

use kernel::{Random, RandomExt};
use reqwest::header::HeaderValue;

use super::GeminiError;

/// The wait after the first failed attempt; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How often and how long to try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) attempts: u32,
    pub(super) longest_wait: Duration,
}

impl Patience {
    /// How long to wait before asking again; nothing where it would not help, has been tried often enough, or Google
    /// asks for more time than a caller has (who learns it from the error and may come back by then).
    ///
    /// A timeout and an unusable answer are not tried again here: each costs a whole answer's time and money, so that is
    /// the decision of the job.
    pub(super) fn wait_after(self, error: &GeminiError, attempt: u32, random: &dyn Random) -> Option<Duration> {
        let is_quick = matches!(
            error,
            GeminiError::RateLimited { .. } | GeminiError::Unavailable { .. } | GeminiError::Unreachable(_)
        );
        if !is_quick || attempt >= self.attempts {
            return None;
        }
        let wait = error.retry_after().unwrap_or_else(|| backoff(attempt, random).min(self.longest_wait));
        (wait <= self.longest_wait).then_some(wait)
    }
}

/// Half of the doubled wait is fixed and half is random, so that clients that failed together do not return together.
fn backoff(attempt: u32, random: &dyn Random) -> Duration {
    let half = FIRST_WAIT * 2_u32.saturating_pow(attempt.saturating_sub(1).min(10)) / 2;
    let jitter_ms = random.below(u32::try_from(half.as_millis()).unwrap_or(u32::MAX));
    half + Duration::from_millis(u64::from(jitter_ms))
}

/// `Retry-After` in seconds. Google sends no dates.
pub(super) fn retry_after_header(value: Option<&HeaderValue>) -> Option<Duration> {
    value?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// A `google.protobuf.Duration` in JSON, such as `34s` or `1.500s`.
pub(super) fn proto_duration(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Highest;
    impl Random for Highest {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xff);
        }
    }

    const PATIENCE: Patience = Patience { attempts: 3, longest_wait: Duration::from_secs(20) };

    #[test]
    fn waits_double_and_end() {
        let overloaded = GeminiError::Unavailable { status: 503, retry_after: None };
        let waits: Vec<_> = (1..=3).map(|attempt| PATIENCE.wait_after(&overloaded, attempt, &Highest)).collect();
        assert_eq!(waits, [Some(Duration::from_millis(499)), Some(Duration::from_millis(999)), None]);
    }

    #[test]
    fn google_decides_the_wait_within_reason() {
        let limited = |seconds| GeminiError::RateLimited { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(PATIENCE.wait_after(&limited(7), 1, &Highest), Some(Duration::from_secs(7)));
        assert_eq!(PATIENCE.wait_after(&limited(21), 1, &Highest), None);
    }

    #[test]
    fn what_will_not_change_is_not_repeated() {
        for error in [GeminiError::Truncated, GeminiError::TimedOut, GeminiError::NotUnderstood("x")] {
            assert_eq!(PATIENCE.wait_after(&error, 1, &Highest), None, "{error}");
        }
    }

    #[test]
    fn durations_are_read_as_google_writes_them() {
        assert_eq!(proto_duration("34s"), Some(Duration::from_secs(34)));
        assert_eq!(proto_duration("1.5s"), Some(Duration::from_millis(1500)));
        for bad in ["", "s", "34", "-1s", "NaNs", "infs", "1e300s"] {
            assert_eq!(proto_duration(bad), None, "{bad}");
        }
    }
}
