fn main() {
    let name = kernel::Phi::new("Canary Finch");
    tracing::info!(%name, "someone was seen");
    tracing::info!(name, "someone was seen");
}
