//! The scribe service.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::run(scribe::function()).await
}
