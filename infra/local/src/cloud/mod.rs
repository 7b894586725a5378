//! What the cloud's resources are made of, from what the functions declare: files that Terraform and the images read.
//!
//! - [`services`]: one Cloud Run service for each function;
//! - [`messaging`]: topics, push subscriptions and schedules;
//! - [`firestore`]: indexes and expiry;
//! - [`gateway`]: the document of API Gateway.
//!
//! To add a file: a module here with a function that makes its content, and its line in [`files`]. `make generate` writes
//! them; CI fails where they differ from the code.

mod firestore;
pub mod gateway;
mod messaging;
mod services;

pub use firestore::firestore;
pub use messaging::messaging;

use std::path::Path;

use anyhow::Context;
use runtime::Config;
use serde_json::Value;

use crate::functions;

/// A generated file: its path below the checkout, and its content.
#[derive(Debug)]
pub struct Generated {
    /// Where.
    pub path: &'static str,
    /// What.
    pub content: String,
}

/// All generated files.
pub fn files() -> anyhow::Result<Vec<Generated>> {
    let functions = functions::all();
    functions::check_names(&functions)?;
    let file = |path, content| Generated { path, content };
    Ok(vec![
        file("infra/openapi.json", functions::document()?),
        file("infra/gateway/openapi.json", gateway::document(&functions, runtime::VERSION)?),
        file("terraform/generated/functions.json", json(&services::services(&functions))?),
        file("terraform/generated/events.json", json(&messaging(&functions)?)?),
        file("terraform/generated/firestore.json", json(&firestore())?),
    ])
}

/// Writes all generated files, and the README's table of variables, below a checkout. Answers with what it changed.
pub fn write(checkout: &Path) -> anyhow::Result<Vec<String>> {
    let mut changed = Vec::new();
    let mut update = |path: &str, content: String| -> anyhow::Result<()> {
        let place = checkout.join(path);
        if std::fs::read_to_string(&place).ok().as_deref() == Some(&content) {
            return Ok(());
        }
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&place, content).with_context(|| format!("{} cannot be written", place.display()))?;
        changed.push(path.to_owned());
        Ok(())
    };
    for Generated { path, content } in files()? {
        update(path, content)?;
    }
    let readme = std::fs::read_to_string(checkout.join("README.md"))
        .with_context(|| format!("{} is no checkout: there is no README.md", checkout.display()))?;
    update("README.md", between(&readme, "variables", &variables())?)?;
    Ok(changed)
}

/// The table of environment variables, for the README.
fn variables() -> String {
    let rows = Config::VARIABLES.iter().map(|variable| {
        format!("| `{}` | {} | {} | `{}` |\n", variable.name, variable.purpose, variable.default, variable.example)
    });
    format!("| variable | what it is for | default | example |\n|---|---|---|---|\n{}", rows.collect::<String>())
}

/// A text with something else between its lines `<!-- name -->` and `<!-- /name -->`.
fn between(text: &str, name: &str, content: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let parts = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.with_context(|| format!("README.md has no place for its table \"{name}\""))?;
    Ok(format!("{before}{begin}{content}{end}{after}"))
}

fn json(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_once_is_not_written_again() {
        let checkout = tempfile::tempdir().unwrap();
        std::fs::write(checkout.path().join("README.md"), "a\n<!-- variables -->\nold\n<!-- /variables -->\nb\n")
            .unwrap();
        let changed = write(checkout.path()).unwrap();
        assert_eq!(changed.len(), files().unwrap().len() + 1);
        let readme = std::fs::read_to_string(checkout.path().join("README.md")).unwrap();
        assert!(
            readme.starts_with("a\n<!-- variables -->\n| variable") && readme.ends_with("|\n<!-- /variables -->\nb\n")
        );
        assert!(write(checkout.path()).unwrap().is_empty());
    }

    #[test]
    fn a_folder_without_a_readme_is_no_checkout() {
        let error = write(tempfile::tempdir().unwrap().path()).unwrap_err().to_string();
        assert!(error.contains("is no checkout"), "{error}");
    }
}
