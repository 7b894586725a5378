fn main() {
    let _ = serde_json::to_string(&kernel::Phi::new("Canary Finch"));
}
