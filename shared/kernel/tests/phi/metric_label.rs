fn main() {
    let name = kernel::Phi::new("Canary Finch".to_owned());
    metrics::counter!("seen_total", "name" => name).increment(1);
}
