//! The notifications service.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::run(notifications::function()).await
}
