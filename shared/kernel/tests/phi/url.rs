fn main() {
    let name = kernel::Phi::new("Canary Finch".to_owned());
    let _ = "/patients?name=".to_owned() + &name;
    let _ = ["/patients".to_owned(), name].join("/");
}
