//! What the cloud's resources are made from, taken from the functions' own declarations: one generator a file, each a pure
//! function of the list of functions. To add one: a file here, its subcommand in `main.rs`, its file in
//! `infra/generate.sh`, and a test that holds the committed file to it.

pub mod gateway;
