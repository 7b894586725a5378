use google_setup::{Problem, SetupError};
use model::tenant::{TENANTS, Tenant};
use runtime::{Config, PlatformKind};
use serde_json::Value;

use super::Finding;
use crate::project::Project;
use crate::{cloud, functions};

/// What Terraform and `consentmd admin` have made in the project, against what the code declares.
pub(super) async fn check(project: &Project, config: &Config) -> Vec<Finding> {
    let mut findings = vec![signing_keys(project).await, topics(config).await];
    let registry = config.registry_database.clone();
    findings.extend(database(project, &registry, "").await);
    match registered(config).await {
        Ok(tenants) => {
            for (id, tenant) in tenants {
                findings.extend(database(project, &tenant.database, &tenant.prefix).await);
                findings.extend(tenant_key(project, &id).await);
            }
        }
        Err(error) => {
            let advice = "Run terraform apply, and give this account roles/datastore.user";
            findings.push(Finding::wrong("tenants' registry", format!("{error:#}. {advice}")));
        }
    }
    findings
}

async fn signing_keys(project: &Project) -> Finding {
    let what = "signing keys in Secret Manager";
    let mend = "`consentmd admin ensure-signing-key` mends that, and every deployment runs it";
    match project.signing_keys().state().await {
        Ok(state) if state.signing.is_none() => Finding::wrong(what, format!("none was made yet. {mend}")),
        Ok(state) if !state.unpublished.is_empty() => {
            let ids = state.unpublished.join(", ");
            Finding::wrong(what, format!("the public half of {ids} is not in verifying-keys. {mend}"))
        }
        Ok(state) if !state.unreadable.is_empty() => {
            let names = state.unreadable.join(", ");
            let problem = format!("the newest version of {names} is disabled, so that no function starts. Enable it");
            Finding::wrong(what, problem)
        }
        Ok(state) if state.waiting.is_some() => {
            Finding::passing(what, "a rotation was begun: `consentmd admin rotate-signing-key --finish` ends it")
        }
        Ok(_) => Finding::well(what),
        Err(error) => Finding::wrong(what, format!("{:#}", anyhow::Error::from(error))),
    }
}

/// Whether every topic and subscription that the code declares is there.
async fn topics(config: &Config) -> Finding {
    let what = "topics and subscriptions";
    let declared = cloud::messaging(&functions::all());
    let (Some(project), Ok(declared)) = (&config.project, declared) else {
        return Finding::wrong(what, "the code's own declarations cannot be read");
    };
    let names = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut topics = names(&declared["topics"]);
    topics.extend(declared["liveTopic"].as_str().map(str::to_owned));
    let subscriptions: Vec<String> =
        declared["subscriptions"].as_object().into_iter().flat_map(|all| all.keys().cloned()).collect();
    let pubsub = events_pubsub::PubsubConfig::new(project, config.pubsub_emulator.clone());
    match events_pubsub::setup::missing(&pubsub, &topics, &subscriptions).await {
        Ok(missing) if missing.is_empty() => Finding::well(what),
        Ok(missing) => Finding::wrong(what, format!("{} missing. Run terraform apply", missing.join(", "))),
        Err(error) => Finding::wrong(what, format!("{:#}", anyhow::Error::from(error))),
    }
}

async fn database(project: &Project, name: &str, prefix: &str) -> Vec<Finding> {
    let what = format!("database {name}");
    let plan = match project.plan(name, prefix) {
        Ok(plan) => plan,
        Err(error) => return vec![Finding::wrong(what, format!("{error:#}"))],
    };
    told(what, project.databases().check(&plan).await)
}

async fn tenant_key(project: &Project, tenant: &kernel::TenantId) -> Vec<Finding> {
    match project.tenant_keys() {
        Some(keys) => told(format!("Cloud KMS key of {tenant}"), keys.check(tenant).await),
        None => Vec::new(),
    }
}

fn told(what: String, problems: Result<Vec<Problem>, SetupError>) -> Vec<Finding> {
    match problems {
        Ok(problems) if problems.is_empty() => vec![Finding::well(what)],
        Ok(problems) => problems.iter().map(|problem| of_problem(&what, problem)).collect(),
        Err(error) => vec![Finding::wrong(what, format!("{:#}", anyhow::Error::from(error)))],
    }
}

fn of_problem(what: &str, problem: &Problem) -> Finding {
    let text = format!("{problem}. {}", problem.advice());
    if problem.passes() { Finding::passing(what, text) } else { Finding::wrong(what, text) }
}

/// The tenants, read without opening anything of theirs.
async fn registered(config: &Config) -> anyhow::Result<Vec<(kernel::TenantId, Tenant)>> {
    anyhow::ensure!(config.platform == PlatformKind::Google, "there is no Google project");
    let registry = runtime::open_registry(config)?;
    let found = registry.query(&TENANTS, &TENANTS.all()).await?;
    found.into_iter().map(|doc| Ok((doc.id.parse()?, doc.value))).collect()
}
