//! The realtime service.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::run(realtime::function()).await
}
