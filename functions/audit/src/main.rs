//! The audit service.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    runtime::run(audit::function()).await
}
