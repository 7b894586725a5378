//! The identity service.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::run(identity::function()).await
}
