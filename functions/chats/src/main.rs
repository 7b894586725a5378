//! The chats service.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::run(chats::function()).await
}
