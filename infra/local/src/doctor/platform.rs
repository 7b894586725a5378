use anyhow::Context;
use runtime::{Config, Opened, PlatformKind};
use vault::Subject;

use super::Finding;
use crate::functions;
use crate::project::Project;

/// The parts that the application stands on, as it would use them, and each tenant's documents and keys.
pub(super) async fn check(config: Config, project: Option<&Project>) -> Vec<Finding> {
    let is_local = config.platform == PlatformKind::Local;
    if is_local && !config.data_dir.is_dir() {
        let problem = format!(
            "{} is not there. Set DATA_DIR to the server's, or start the server once, which makes it",
            config.data_dir.display()
        );
        return vec![Finding::wrong("data folder", problem)];
    }
    let config = match project {
        Some(project) => match project.with_token_keys(config).await {
            Ok(config) => config,
            Err(error) => return vec![Finding::wrong("token keys", format!("{error:#}"))],
        },
        None => config,
    };
    match runtime::open(config, functions::all()) {
        Ok(opened) => {
            let findings = look(&opened).await;
            opened.close().await;
            findings
        }
        Err(error) => vec![Finding::wrong("application", format!("it cannot be opened: {error:#}"))],
    }
}

async fn look(opened: &Opened) -> Vec<Finding> {
    let app = &opened.assembled.app;
    let registry = app.tenants.registry();
    let at_name = "see that the database named by REGISTRY_DATABASE is there and this account may read and write it";
    let mut findings = vec![
        Finding::of("store: the tenants' registry answers", registry.check().await, at_name),
        Finding::of(
            "bus answers",
            opened.assembled.bus.as_bus().check().await,
            "See that the topic live-signals is there: terraform apply makes it",
        ),
    ];
    let nothing: Result<blobs::BlobName, _> = "health/check".parse();
    if let Ok(nothing) = nothing {
        let advice = "See that the bucket is there and this account may read its objects: terraform apply gives both";
        findings.push(Finding::of("files can be read", app.blobs.head(&nothing).await, advice));
        findings.push(Finding::of("audit checkpoints can be read", app.checkpoints.head(&nothing).await, advice));
    }
    let stores = match app.tenants.stores().await {
        Ok(stores) => stores,
        Err(error) => {
            findings.push(Finding::wrong("tenants", format!("{:#}. {at_name}", anyhow::Error::from(error))));
            return findings;
        }
    };
    if stores.is_empty() {
        findings.push(Finding::wrong("tenants", "there are none. `consentmd admin create --new-tenant` makes one"));
    }
    for store in stores {
        let tenant = store.database().tenant.clone();
        let advice =
            "See that its database is there: `consentmd admin create --new-tenant` and terraform apply make it";
        findings.push(Finding::of(format!("tenant {tenant}: its documents answer"), store.check().await, advice));
        let keys = app.vault.key(&store, &Subject::Tenant).await.with_context(|| format!("the key of {tenant}"));
        let advice = "See that the key that wraps data keys is there, enabled, and usable by this account";
        findings.push(Finding::of(format!("tenant {tenant}: its data keys open"), keys, advice));
    }
    findings
}
