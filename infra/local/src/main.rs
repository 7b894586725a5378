//! `consentmd`: the whole backend in one process on one machine, and a real consultation played on it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use consentmd::{accounts, admin, cloud, demo, doctor, functions};

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use runtime::{Config, PlatformKind};

/// The whole ConsentMD backend in one process: SQLite, files in a data folder, events within the process.
#[derive(Parser)]
#[command(name = "consentmd", bin_name = "consentmd", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves everything on one port until Ctrl-C (the default). Configured by environment variables; see the README.
    Run,
    /// Plays a real consultation: against a server that runs, else it starts one of its own.
    Demo(demo::Options),
    /// Works on the stored data: keys and what else needs no server. Configured by the same variables as the server.
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Looks at the installation that the environment names, and says what is wrong and what to do. Changes nothing.
    Doctor(doctor::Options),
    /// Prints the API's OpenAPI document.
    Openapi,
    /// Writes the files that are made of the code, for a checkout: API document, Terraform's lists, the README's table.
    Generate(Generate),
}

/// Where to write.
#[derive(clap::Args)]
struct Generate {
    /// The checkout's folder.
    #[arg(default_value = ".")]
    checkout: std::path::PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match command(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("consentmd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn command(cli: Cli) -> anyhow::Result<()> {
    match cli.command.unwrap_or(Command::Run) {
        Command::Run => run().await,
        Command::Demo(options) => demo::play(options).await,
        Command::Admin(command) => {
            print!("{}", admin::run(command).await?);
            Ok(())
        }
        Command::Doctor(options) => {
            print!("{}", doctor::examine(options).await?);
            Ok(())
        }
        Command::Openapi => {
            print!("{}", functions::document()?);
            Ok(())
        }
        Command::Generate(Generate { checkout }) => {
            let changed = cloud::write(&checkout)?;
            changed.iter().for_each(|path| println!("made anew: {path}"));
            Ok(())
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let config = Config::from_env(PlatformKind::Local, &functions::needs())?;
    let reachable_by_others = !config.host.is_loopback();
    let data = config.data_dir.display().to_string();
    runtime::log(&config);
    let serving = runtime::start(config, functions::all()).await?;
    let accounts = accounts::seed(&serving.assembled.app).await?;
    println!("ConsentMD serves at http://{}", serving.address);
    println!("  API page        http://{}/api/docs", serving.address);
    println!("  health          http://{}/health", serving.address);
    println!("  sent messages   http://{}/dev/outbox (simulated)", serving.address);
    println!("  data folder     {data}");
    if accounts {
        println!("  demo accounts   (clinic \"{}\"; password {})", accounts::TENANT, accounts::PASSWORD);
        for account in accounts::ALL {
            println!("    {:<24}{} {}", account.email, account.role, account.name);
        }
        if reachable_by_others {
            println!("  WARNING: others can reach this address, and the demo accounts' password is known to all.");
        }
    }
    println!("Ctrl-C stops it. `make demo` in another terminal plays a consultation.");
    runtime::stop_signal().await;
    println!("Stopping: requests end, events settle, the databases close.");
    serving.stop().await?;
    println!("Stopped.");
    Ok(())
}
