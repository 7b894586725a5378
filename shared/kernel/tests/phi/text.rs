fn takes_text(_: impl AsRef<str>) {}

fn main() {
    let name = kernel::Phi::new("Canary Finch".to_owned());
    let _: String = name.clone().into();
    let _: &str = &name;
    takes_text(name.clone());
    let _ = name.len();
    let _ = name.0;
}
