//! `consentmd admin`: what an administrator does on the stored data, with a server running beside it or not. (SQLite
//! lets several processes write, one after the other.)
//!
//! To add a command: a file with its `Options` and `pub(super) async fn run(desk: &Desk, options: Options) ->
//! anyhow::Result<String>`, which answers with what is to be printed, a variant of [`AdminCommand`], and a line in
//! [`answer`]. A failure is an error, and then the process ends with status 1.

mod create;
mod keys;
mod retire_key;
mod rewrap_keys;
mod rotate_keys;
mod shred;
mod signing_keys;
mod tenants;
mod verify_audit;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use kernel::TenantId;
use runtime::{Config, KeyKeeper, PlatformKind};
use store::Store;
use web::App;

use crate::functions;
use crate::project::Project;

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Lists the tenants.
    Tenants,
    /// Makes an administrator of a tenant, and of a new tenant where asked; prints the link to choose a password by.
    Create(create::Options),
    /// Lists the keys that wrap data keys, and how many data keys of which tenant each wraps.
    Keys,
    /// Adds a new wrapping key, which is the current one from then on, and wraps all data keys again by it. Servers go on
    /// meanwhile: they notice the new key within five seconds.
    RotateKeys,
    /// Wraps all data keys again that are not wrapped by the current wrapping key. Servers do the same every hour.
    RewrapKeys,
    /// Removes a former wrapping key from the key file, where it wraps nothing any more.
    RetireKey(retire_key::Options),
    /// On Google Cloud: makes the key that signs access tokens where there is none, in the secrets `signing-key` and
    /// `verifying-keys`. Every deployment runs it.
    EnsureSigningKey,
    /// On Google Cloud: lists the keys that sign access tokens and verify them.
    SigningKeys,
    /// On Google Cloud: makes a new key that signs access tokens, in two steps, so that no token is refused.
    RotateSigningKey(signing_keys::Rotate),
    /// On Google Cloud: takes a former signing key away. Audit checkpoints signed by it still verify.
    RetireSigningKey(signing_keys::Retire),
    /// Destroys a patient's data key, so that nobody can read again what was sealed under it, and certifies that.
    ///
    /// A server may be running on the same data. It keeps an unwrapped key for at most five minutes. What a backup has of
    /// the data and of the key file can still be read together: let backups expire, or rotate the wrapping key, retire the
    /// old one and destroy its copies.
    Shred(shred::Options),
    /// Verifies a tenant's audit log: its signed checkpoints, that every entry is there as it was sealed, and that none was
    /// put in since. Names the first thing that is wrong, and then ends with status 1.
    VerifyAudit(verify_audit::Options),
}

/// What a command works with.
pub struct Desk {
    /// The application, without a server.
    pub app: App,
    /// The data folder.
    pub data_dir: PathBuf,
    /// What wraps data keys.
    pub key_keeper: KeyKeeper,
    /// The Google project; `None` on one machine.
    pub project: Option<Project>,
}

impl Desk {
    /// The file with the keys that wrap data keys; an error that says what to do instead where Cloud KMS has them.
    pub fn key_file(&self) -> anyhow::Result<&Path> {
        match &self.key_keeper {
            KeyKeeper::File(file) => Ok(file),
            KeyKeeper::Kms(ring) => bail!(
                "Cloud KMS keeps the wrapping keys, in {ring}: it makes a new version of each every 90 days, and at \
                 once by `gcloud kms keys versions create --primary`; `consentmd admin rewrap-keys` then wraps all data \
                 keys again. Destroy an old version only when `consentmd admin keys` shows that it wraps nothing"
            ),
        }
    }

    /// The documents of a tenant, suspended or not; an error that says how to find the right id where there is none.
    pub async fn tenant(&self, id: &TenantId) -> anyhow::Result<Store> {
        let store = self.app.tenants.store_of(id).await?;
        store.with_context(|| format!("there is no tenant \"{id}\": `consentmd admin tenants` lists them"))
    }

    /// Every store that may hold data keys: those of all tenants, and the registry's own.
    async fn stores(&self) -> anyhow::Result<Vec<Store>> {
        let mut stores = self.app.tenants.stores().await?;
        stores.push(self.app.tenants.registry().clone());
        Ok(stores)
    }
}

/// Does it on the data that the environment names, and answers with what is to be printed.
pub async fn run(command: AdminCommand) -> anyhow::Result<String> {
    runtime::use_one_tls_provider();
    let config = Config::of_command(PlatformKind::Local, &functions::needs())?;
    let command = match on_project(&config, command).await? {
        Answered::With(text) => return Ok(text),
        Answered::Not(command) => command,
    };
    let project = Project::of(&config);
    let config = match &project {
        Some(project) => project.with_token_keys(config).await?,
        None => config,
    };
    let (data_dir, key_keeper) = (config.data_dir.clone(), config.key_keeper.clone());
    ensure!(
        config.platform == PlatformKind::Google || data_dir.is_dir(),
        "there is no data folder {}: set DATA_DIR to the server's, or start the server once, which makes it",
        data_dir.display()
    );
    let opened = runtime::open(config, functions::all())?;
    let desk = Desk { app: opened.assembled.app.clone(), data_dir, key_keeper, project };
    let answered = answer(&desk, command).await;
    opened.close().await;
    answered
}

/// Whether a command was one on the project alone.
enum Answered {
    With(String),
    Not(AdminCommand),
}

/// Commands on the project's secrets, which have to go where no application can be opened yet.
async fn on_project(config: &Config, command: AdminCommand) -> anyhow::Result<Answered> {
    let project = || Project::needed(config);
    Ok(Answered::With(match command {
        AdminCommand::EnsureSigningKey => signing_keys::ensure(&project()?).await?,
        AdminCommand::SigningKeys => signing_keys::show(&project()?).await?,
        AdminCommand::RotateSigningKey(options) => signing_keys::rotate(&project()?, options).await?,
        AdminCommand::RetireSigningKey(options) => signing_keys::retire(&project()?, options).await?,
        command => return Ok(Answered::Not(command)),
    }))
}

async fn answer(desk: &Desk, command: AdminCommand) -> anyhow::Result<String> {
    match command {
        AdminCommand::Tenants => tenants::run(desk).await,
        AdminCommand::Create(options) => create::run(desk, options).await,
        AdminCommand::Keys => keys::run(desk).await,
        AdminCommand::RotateKeys => rotate_keys::run(desk).await,
        AdminCommand::RewrapKeys => rewrap_keys::run(desk).await,
        AdminCommand::RetireKey(options) => retire_key::run(desk, options).await,
        AdminCommand::Shred(options) => shred::run(desk, options).await,
        AdminCommand::VerifyAudit(options) => verify_audit::run(desk, options).await,
        AdminCommand::EnsureSigningKey
        | AdminCommand::SigningKeys
        | AdminCommand::RotateSigningKey(_)
        | AdminCommand::RetireSigningKey(_) => bail!("this command works on the project, not on the data"),
    }
}
