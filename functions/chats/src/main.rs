//! The chats service.

#[tokio::main]
async fn main() -> std::process::ExitCode {
    runtime::run(chats::function()).await
}
