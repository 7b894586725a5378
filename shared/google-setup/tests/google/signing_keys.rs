//! The order of making, rotating and retiring signing keys, with a failure at each call and with two runs at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use access::token::SigningKeys;
use async_trait::async_trait;
use google_setup::{
    InMemorySecrets, KeysState, PUBLISHED_FOR, SIGNING_KEY, SecretText, Secrets, SetupError, SigningKeySecrets,
    SigningKeySecretsError, UNUSED_FOR, VERIFYING_KEYS, Version, VersionState,
};
use kernel::{Clock, Time};

struct Moving(AtomicI64);

impl Clock for Moving {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::SeqCst))
    }
}

impl Moving {
    fn wait(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

/// Fails once, at a call; checks after each change that no token of whoever may sign is refused.
struct Watched {
    inner: InMemorySecrets,
    calls: AtomicUsize,
    fails_at: AtomicUsize,
    /// Whether the failing call takes effect all the same, and only its answer is lost.
    takes_effect: bool,
}

impl Watched {
    /// Whether this call is the one that fails.
    fn is_hit(&self) -> bool {
        self.calls.fetch_add(1, Ordering::SeqCst) == self.fails_at.load(Ordering::SeqCst)
    }

    fn failure<T>() -> Result<T, SetupError> {
        Err(SetupError::Failed { operation: "call", name: "it".to_owned(), reason: "UNAVAILABLE: gone".to_owned() })
    }

    /// The key that signs by the newest version verifies by the newest version of the other secret.
    async fn assert_no_token_is_refused(&self) {
        let (_, signing) = self.inner.latest(SIGNING_KEY).await.unwrap().unwrap();
        let (_, verifying) = self.inner.latest(VERIFYING_KEYS).await.unwrap().unwrap();
        if !signing.reveal().starts_with("not made yet") {
            let keys = SigningKeys::from_pem(signing.reveal()).unwrap();
            assert!(verifying.reveal().contains(&keys.public_pem()), "the public half is missing");
            assert!(!verifying.reveal().contains("PRIVATE"));
        }
    }
}

#[async_trait]
impl Secrets for Watched {
    async fn list(&self, secret: &str) -> Result<Vec<Version>, SetupError> {
        if self.is_hit() { Self::failure() } else { self.inner.list(secret).await }
    }

    async fn read(&self, secret: &str, number: u64) -> Result<SecretText, SetupError> {
        if self.is_hit() { Self::failure() } else { self.inner.read(secret, number).await }
    }

    async fn add(&self, secret: &str, text: &SecretText) -> Result<u64, SetupError> {
        let hit = self.is_hit();
        if hit && !self.takes_effect {
            return Self::failure();
        }
        let added = self.inner.add(secret, text).await;
        self.assert_no_token_is_refused().await;
        if hit { Self::failure() } else { added }
    }

    async fn disable(&self, secret: &str, number: u64) -> Result<(), SetupError> {
        if self.is_hit() { Self::failure() } else { self.inner.disable(secret, number).await }
    }

    async fn destroy(&self, secret: &str, number: u64) -> Result<(), SetupError> {
        let hit = self.is_hit();
        if hit && !self.takes_effect {
            return Self::failure();
        }
        self.inner.destroy(secret, number).await?;
        if hit { Self::failure() } else { Ok(()) }
    }
}

struct Bench {
    clock: Arc<Moving>,
    secrets: Arc<Watched>,
    keys: SigningKeySecrets,
}

const NOT_MADE: &str = "not made yet: the job consentmd admin ensure-signing-key adds a version";

impl Bench {
    fn new(takes_effect: bool) -> Self {
        let clock = Arc::new(Moving(AtomicI64::new(1_767_225_600_000)));
        let inner = InMemorySecrets::new(clock.clone()).with(SIGNING_KEY, NOT_MADE).with(VERIFYING_KEYS, NOT_MADE);
        let (calls, fails_at) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        let secrets = Arc::new(Watched { inner, calls, fails_at, takes_effect });
        let keys = SigningKeySecrets::new(secrets.clone(), clock.clone());
        Self { clock, secrets, keys }
    }

    async fn text(&self, secret: &str) -> SecretText {
        self.secrets.inner.latest(secret).await.unwrap().unwrap().1
    }

    /// The key that functions would sign by.
    async fn signer(&self) -> String {
        SigningKeys::from_pem(self.text(SIGNING_KEY).await.reveal()).unwrap().current_id().to_owned()
    }

    fn fail_at(&self, call: usize) {
        self.secrets.calls.store(0, Ordering::SeqCst);
        self.secrets.fails_at.store(call, Ordering::SeqCst);
    }

    fn was_hit(&self) -> bool {
        self.secrets.calls.load(Ordering::SeqCst) > self.secrets.fails_at.load(Ordering::SeqCst)
    }
}

fn well(state: &KeysState) {
    assert!(state.unpublished.is_empty() && state.unreadable.is_empty(), "{state:?}");
}

#[tokio::test]
async fn the_first_key_is_made_once_its_public_half_first() {
    let bench = Bench::new(false);
    assert_eq!(bench.keys.state().await.unwrap().signing, None);
    let state = bench.keys.ensure().await.unwrap();
    well(&state);
    assert_eq!(state.signing, Some(bench.signer().await));
    assert_eq!((state.waiting, state.former.len()), (None, 0));
    let versions = bench.secrets.inner.list(SIGNING_KEY).await.unwrap().len();
    bench.keys.ensure().await.unwrap();
    assert_eq!(bench.secrets.inner.list(SIGNING_KEY).await.unwrap().len(), versions);
}

#[tokio::test]
async fn a_rotation_refuses_no_token_and_ends_with_one_key() {
    let bench = Bench::new(false);
    bench.keys.ensure().await.unwrap();
    let old = bench.signer().await;
    let begun = bench.keys.begin_rotation().await.unwrap();
    well(&begun);
    let new = begun.waiting.clone().unwrap();
    assert_eq!(begun.signing.as_ref(), Some(&old));
    assert_eq!(bench.keys.begin_rotation().await.unwrap(), begun);

    let early = bench.keys.finish_rotation(PUBLISHED_FOR).await.unwrap_err();
    assert!(matches!(early, SigningKeySecretsError::TooEarly { .. }), "{early}");
    bench.clock.wait(PUBLISHED_FOR);
    let finished = bench.keys.finish_rotation(PUBLISHED_FOR).await.unwrap();
    well(&finished);
    assert_eq!((finished.signing.as_ref(), finished.waiting.as_ref()), (Some(&new), None));
    assert_eq!((bench.signer().await, &finished.former), (new.clone(), &vec![old.clone()]));
    let again = bench.keys.finish_rotation(PUBLISHED_FOR).await.unwrap_err();
    assert!(matches!(again, SigningKeySecretsError::NothingWaits), "{again}");

    let early = bench.keys.retire(&old, UNUSED_FOR).await.unwrap_err();
    assert!(matches!(early, SigningKeySecretsError::TooEarly { .. }), "{early}");
    bench.clock.wait(UNUSED_FOR);
    let retired = bench.keys.retire(&old, UNUSED_FOR).await.unwrap();
    assert_eq!((retired.signing, retired.former.len()), (Some(new.clone()), 0));
    // No version that can be read holds the former key.
    let versions = bench.secrets.inner.list(SIGNING_KEY).await.unwrap();
    let readable: Vec<_> = versions.iter().filter(|v| v.state == VersionState::Enabled).collect();
    assert_eq!(readable.len(), 1);
    let gone = bench.keys.retire(&old, UNUSED_FOR).await.unwrap_err();
    assert!(matches!(gone, SigningKeySecretsError::NoSuchKey { .. }), "{gone}");
    let used = bench.keys.retire(&new, Duration::ZERO).await.unwrap_err();
    assert!(matches!(used, SigningKeySecretsError::StillSigns { .. }), "{used}");
}

#[tokio::test]
async fn a_waiting_key_can_be_given_up() {
    let bench = Bench::new(false);
    bench.keys.ensure().await.unwrap();
    let waiting = bench.keys.begin_rotation().await.unwrap().waiting.unwrap();
    let state = bench.keys.retire(&waiting, UNUSED_FOR).await.unwrap();
    assert_eq!((state.waiting, state.former.len()), (None, 0));
    well(&bench.keys.ensure().await.unwrap());
}

/// Plays a whole life with a failure at call number `hit` of step number `step`, and says whether there was such a call.
async fn life(takes_effect: bool, step: usize, hit: usize) -> bool {
    let bench = Bench::new(takes_effect);
    let mut was_hit = false;
    let (mut old, mut new) = (String::new(), String::new());
    for number in 0..4 {
        bench.clock.wait(PUBLISHED_FOR.max(UNUSED_FOR));
        for attempt in 0..2 {
            bench.fail_at(if number == step && attempt == 0 { hit } else { usize::MAX });
            let done = match number {
                0 => bench.keys.ensure().await,
                1 => bench.keys.begin_rotation().await,
                2 => bench.keys.finish_rotation(PUBLISHED_FOR).await,
                _ => bench.keys.retire(&old, UNUSED_FOR).await,
            };
            was_hit |= bench.was_hit();
            bench.secrets.assert_no_token_is_refused().await;
            match done {
                Ok(_) => break,
                // An answer was lost after which nothing was left to do.
                Err(SigningKeySecretsError::NothingWaits) if number == 2 && attempt == 1 => break,
                Err(SigningKeySecretsError::NoSuchKey { .. }) if number == 3 && attempt == 1 => break,
                // The new version has to be as old again.
                Err(SigningKeySecretsError::TooEarly { .. }) if number == 3 && attempt == 1 => {
                    bench.clock.wait(UNUSED_FOR);
                    bench.keys.retire(&old, UNUSED_FOR).await.unwrap();
                }
                Err(error) => assert!(attempt == 0 && bench.was_hit(), "step {number}, call {hit}: {error}"),
            }
        }
        bench.fail_at(usize::MAX);
        let state = bench.keys.state().await.unwrap();
        well(&state);
        match number {
            0 => old = state.signing.unwrap(),
            1 => new = state.waiting.unwrap(),
            2 => assert_eq!(state.signing.as_ref(), Some(&new), "call {hit}"),
            _ => assert!(!state.former.contains(&old), "call {hit}"),
        }
        assert_eq!(
            bench.signer().await,
            if number < 2 { old.clone() } else { new.clone() },
            "step {number}, call {hit}"
        );
    }
    was_hit
}

/// A failure at any call of a step is made good by running it again.
async fn fail_everywhere(step: usize) {
    for takes_effect in [false, true] {
        let mut hits = 0;
        while life(takes_effect, step, hits).await {
            hits += 1;
        }
        assert!(hits >= 6, "step {step} makes {hits} calls");
    }
}

#[tokio::test]
async fn a_failure_anywhere_in_making_the_first_key_is_made_good() {
    fail_everywhere(0).await;
}

#[tokio::test]
async fn a_failure_anywhere_in_beginning_a_rotation_is_made_good() {
    fail_everywhere(1).await;
}

#[tokio::test]
async fn a_failure_anywhere_in_finishing_a_rotation_is_made_good() {
    fail_everywhere(2).await;
}

#[tokio::test]
async fn a_failure_anywhere_in_retiring_a_key_is_made_good() {
    fail_everywhere(3).await;
}

/// Two runs of the same step, one of which is overtaken at each of its calls by the whole other.
#[tokio::test]
async fn two_runs_at_once_end_with_keys_whose_public_halves_are_there() {
    /// A step, with the former key's id.
    type Step = fn(SigningKeySecrets, String) -> futures::future::BoxFuture<'static, KeysState>;

    struct Overtaken {
        inner: Arc<InMemorySecrets>,
        clock: Arc<Moving>,
        at: usize,
        calls: AtomicUsize,
        step: Step,
    }

    impl Overtaken {
        async fn overtake(&self) {
            if self.calls.fetch_add(1, Ordering::SeqCst) == self.at {
                (self.step)(SigningKeySecrets::new(self.inner.clone(), self.clock.clone()), String::new()).await;
            }
        }
    }

    #[async_trait]
    impl Secrets for Overtaken {
        async fn list(&self, secret: &str) -> Result<Vec<Version>, SetupError> {
            self.overtake().await;
            self.inner.list(secret).await
        }
        async fn read(&self, secret: &str, number: u64) -> Result<SecretText, SetupError> {
            self.overtake().await;
            self.inner.read(secret, number).await
        }
        async fn add(&self, secret: &str, text: &SecretText) -> Result<u64, SetupError> {
            self.overtake().await;
            self.inner.add(secret, text).await
        }
        async fn disable(&self, secret: &str, number: u64) -> Result<(), SetupError> {
            self.inner.disable(secret, number).await
        }
        async fn destroy(&self, secret: &str, number: u64) -> Result<(), SetupError> {
            self.inner.destroy(secret, number).await
        }
    }

    let ensure: Step = |keys, _| Box::pin(async move { keys.ensure().await.unwrap() });
    let begin: Step = |keys, _| Box::pin(async move { keys.begin_rotation().await.unwrap() });
    let finish: Step = |keys, _| Box::pin(async move { keys.finish_rotation(Duration::ZERO).await.unwrap() });
    let retire: Step = |keys, former| Box::pin(async move { keys.retire(&former, Duration::ZERO).await.unwrap() });
    let pairs = [(0, ensure, ensure), (1, begin, begin), (2, begin, finish), (3, retire, begin)];
    for (before, mine, theirs) in pairs {
        for at in 0.. {
            let clock = Arc::new(Moving(AtomicI64::new(1_767_225_600_000)));
            let inner = InMemorySecrets::new(clock.clone()).with(SIGNING_KEY, NOT_MADE).with(VERIFYING_KEYS, NOT_MADE);
            let inner = Arc::new(inner);
            let quiet = || SigningKeySecrets::new(inner.clone(), clock.clone());
            for step in [ensure, begin, finish].iter().take(before) {
                step(quiet(), String::new()).await;
            }
            let former = quiet().state().await.unwrap().former.first().cloned().unwrap_or_default();
            let calls = AtomicUsize::new(0);
            let secrets = Arc::new(Overtaken { inner: inner.clone(), clock: clock.clone(), at, calls, step: theirs });
            mine(SigningKeySecrets::new(secrets.clone(), clock.clone()), former.clone()).await;
            let state = quiet().state().await.unwrap();
            well(&state);
            let signing = inner.latest(SIGNING_KEY).await.unwrap().unwrap().1;
            let verifying = inner.latest(VERIFYING_KEYS).await.unwrap().unwrap().1;
            // Whoever signed at any time between is verified, by everybody.
            for version in inner.list(SIGNING_KEY).await.unwrap() {
                let Ok(text) = inner.read(SIGNING_KEY, version.number).await else { continue };
                let Ok(once) = SigningKeys::from_pem(text.reveal()) else { continue };
                assert!(verifying.reveal().contains(&once.public_pem()), "overtaken at {at}");
            }
            assert!(SigningKeys::from_pem(signing.reveal()).is_ok());
            let overtaken = secrets.calls.load(Ordering::SeqCst) > at;
            if before == 3 {
                assert!(!state.former.contains(&former), "overtaken at {at}");
                assert_eq!(state.waiting.is_some(), overtaken, "overtaken at {at}");
            }
            if !overtaken {
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_somebody_else_put_there_is_never_overwritten() {
    let bench = Bench::new(false);
    bench.secrets.inner.add(SIGNING_KEY, &SecretText::new("hunter2")).await.unwrap();
    let error = bench.keys.ensure().await.unwrap_err();
    assert!(matches!(error, SigningKeySecretsError::Unreadable { secret: SIGNING_KEY, number: 2, .. }), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(bench.text(VERIFYING_KEYS).await.reveal(), NOT_MADE);
    assert!(matches!(bench.keys.begin_rotation().await, Err(SigningKeySecretsError::Unreadable { .. })));
}

#[tokio::test]
async fn a_missing_public_half_is_published_and_a_disabled_newest_version_is_told() {
    let bench = Bench::new(false);
    bench.keys.ensure().await.unwrap();
    let signer = bench.signer().await;
    let other = SigningKeys::generate().unwrap().public_pem();
    bench.secrets.inner.add(VERIFYING_KEYS, &SecretText::new(other)).await.unwrap();
    assert_eq!(bench.keys.state().await.unwrap().unpublished, [signer]);
    let state = bench.keys.ensure().await.unwrap();
    well(&state);
    assert_eq!(state.former.len(), 1);
    let newest = bench.secrets.inner.list(SIGNING_KEY).await.unwrap()[0].number;
    bench.secrets.inner.disable(SIGNING_KEY, newest).await.unwrap();
    assert_eq!(bench.keys.state().await.unwrap().unreadable, [SIGNING_KEY]);
}
