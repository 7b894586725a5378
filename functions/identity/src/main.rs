//! The identity service.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::run(identity::function()).await
}
