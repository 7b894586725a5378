//! The notifications service.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::run(notifications::function()).await
}
