//! The list of functions, and the document of their API.

use std::collections::BTreeSet;

use anyhow::ensure;
use utoipa::openapi::OpenApi;
use web::{Function, Needs};

/// Every function there is. Adding one here adds it to `consentmd` and to the API's document.
pub fn all() -> Vec<Function> {
    vec![
        identity::function(),
        chats::function(),
        realtime::function(),
        notifications::function(),
        notes::function(),
        patients::function(),
        scribe::function(),
        audit::function(),
    ]
}

/// What they need of their platform, all together.
pub fn needs() -> Needs {
    web::needs_of(&all())
}

/// The API's document, as text that does not change unless the API does.
pub fn document() -> anyhow::Result<String> {
    let document: OpenApi = runtime::openapi(all());
    let mut text = document.to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

/// Event handlers and schedules are found by name, in the cloud's subscriptions and in the record of what was had.
pub fn check_names(functions: &[Function]) -> anyhow::Result<()> {
    let mut names = BTreeSet::new();
    for function in functions {
        let handlers = function.handlers.iter().map(|handler| handler.name);
        for name in handlers.chain(function.schedules.iter().map(|schedule| schedule.name)) {
            ensure!(names.insert(name), "two handlers or schedules are named \"{name}\"");
        }
    }
    Ok(())
}
