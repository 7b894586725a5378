//! The scribe service.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::run(scribe::function()).await
}
