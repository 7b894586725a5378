//! The notes service.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::run(notes::function()).await
}
