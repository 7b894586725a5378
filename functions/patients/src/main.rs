//! The patients service.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::run(patients::function()).await
}
