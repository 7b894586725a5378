//! The patients service.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::run(patients::function()).await
}
