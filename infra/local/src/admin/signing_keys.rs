use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use google_setup::{KeysState, PUBLISHED_FOR, UNUSED_FOR};

use crate::project::Project;

/// Begins a rotation, or finishes it.
#[derive(Debug, Args)]
pub struct Rotate {
    /// Lets the key that waits sign. Not before 15 minutes after the functions were deployed with its public half.
    #[arg(long)]
    finish: bool,
    /// Does not wait until tokens hold and keys are known everywhere: after a leak.
    #[arg(long)]
    now: bool,
}

/// Which key is retired.
#[derive(Debug, Args)]
pub struct Retire {
    /// The key's id, as `consentmd admin signing-keys` shows it.
    #[arg(long)]
    id: String,
    /// Does not wait until its last token has expired: after a leak.
    #[arg(long)]
    now: bool,
}

/// Makes the first key where there is none; what it left undone before, it does now.
pub(super) async fn ensure(project: &Project) -> anyhow::Result<String> {
    told(&project.signing_keys().ensure().await?, "")
}

/// Which keys there are.
pub(super) async fn show(project: &Project) -> anyhow::Result<String> {
    told(&project.signing_keys().state().await?, "")
}

/// The first or the second half of a rotation.
pub(super) async fn rotate(project: &Project, options: Rotate) -> anyhow::Result<String> {
    let keys = project.signing_keys();
    if !options.finish {
        let next = "Deploy all functions now, so that each knows the new key. 15 minutes later: \
                    `consentmd admin rotate-signing-key --finish`.\n";
        return told(&keys.begin_rotation().await?, next);
    }
    let wait = if options.now { Duration::ZERO } else { PUBLISHED_FOR };
    let next = "Deploy the functions that sign now (audit, identity). 30 minutes later: \
                `consentmd admin retire-signing-key --id <former>`.\n";
    told(&keys.finish_rotation(wait).await?, next)
}

/// Takes a former key away: its tokens are refused, what was stated under it still verifies.
pub(super) async fn retire(project: &Project, options: Retire) -> anyhow::Result<String> {
    let wait = if options.now { Duration::ZERO } else { UNUSED_FOR };
    let next = "Deploy all functions now: those that run know the key until then.\n";
    told(&project.signing_keys().retire(&options.id, wait).await?, next)
}

fn told(state: &KeysState, next: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    match &state.signing {
        Some(id) => writeln!(text, "{id}  signs")?,
        None => writeln!(text, "No signing key was made yet: `consentmd admin ensure-signing-key` makes it.")?,
    }
    if let Some(id) = &state.waiting {
        writeln!(text, "{id}  waits to sign")?;
    }
    for id in &state.former {
        writeln!(text, "{id}  former: its tokens are still accepted")?;
    }
    for id in &state.unpublished {
        writeln!(text, "{id}  is NOT PUBLISHED in verifying-keys: `consentmd admin ensure-signing-key` mends that")?;
    }
    for secret in &state.unreadable {
        writeln!(text, "The newest version of the secret {secret} is DISABLED: no function starts; enable it.")?;
    }
    text.push_str(next);
    Ok(text)
}
