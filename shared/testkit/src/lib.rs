//! Tests of functions: an application in one line, with a fixed clock, a seeded random source and real storage, on both
//! platforms. Each test has a tenant of its own.
//!
//! ```ignore
//! testkit::on_both_platforms! {
//!     functions: || vec![chats::function()];
//!     a_chat_has_members, strangers_see_nothing,
//! }
//!
//! async fn a_chat_has_members(app: TestApp) { .. }
//! ```
#![expect(clippy::missing_panics_doc, clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod app;
mod chats;
mod faults;
mod patients;
mod request;
mod sources;

pub use app::{Build, TestApp, TestUser, emulator_of_firestore};
pub use faults::{Fault, Faults};
pub use request::{TestRequest, TestResponse};
pub use sources::{FixedClock, SeededRandom};

/// Stamps tests on SQLite in memory and on the Firestore emulator. Without an emulator the second half says that it
/// was skipped, and fails where `REQUIRE_EMULATORS=1`.
///
/// With `builds; a_test, ..` each test gets a [`Build`] to make its own application of, with other settings, say.
#[macro_export]
macro_rules! on_both_platforms {
    (builds; $($test:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::Build::default()).await;
                }
            )+
        }

        mod firestore {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    if let Some(build) = $crate::Build::on_firestore() {
                        super::$test(build).await;
                    }
                }
            )+
        }
    };
    (functions: $functions:expr; $($test:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test($crate::TestApp::on_sqlite(($functions)()).await).await;
                }
            )+
        }

        mod firestore {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    if let Some(app) = $crate::TestApp::on_firestore(($functions)()).await {
                        super::$test(app).await;
                    }
                }
            )+
        }
    };
}
