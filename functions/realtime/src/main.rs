//! The realtime service.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::run(realtime::function()).await
}
