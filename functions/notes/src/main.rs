//! The notes service.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::run(notes::function()).await
}
