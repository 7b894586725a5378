//! The audit service.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::run(audit::function()).await
}
