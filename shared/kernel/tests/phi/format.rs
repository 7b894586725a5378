fn main() {
    let name = kernel::Phi::new("Canary Finch");
    let _ = format!("{name}");
    let _ = name.to_string();
}
