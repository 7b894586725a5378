fn main() {
    println!("{}", kernel::Phi::new("Canary Finch"));
}
