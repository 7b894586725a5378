use model::note_template::{NoteTemplate, TemplateSection};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Caller, Json, Problems};

/// The note templates.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoteTemplates {
    /// All of them.
    data: Vec<NoteTemplateView>,
}

/// The layout of a clinical note.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NoteTemplateView {
    /// The template's key.
    #[schema(example = "soap")]
    id: String,
    /// Its name.
    #[schema(example = "SOAP Note")]
    name: String,
    /// One line about it.
    #[schema(example = "Subjective, Objective, Assessment, Plan")]
    description: String,
    /// The medical specialty it is made for.
    #[schema(example = "General Medicine")]
    specialty: String,
    /// Its sections, in the order in which they are read.
    sections: Vec<TemplateSectionView>,
}

/// One section of a template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateSectionView {
    /// The section's key in a note.
    #[schema(example = "subjective")]
    id: String,
    /// A short label.
    #[schema(example = "S")]
    label: String,
    /// The heading.
    #[schema(example = "Subjective")]
    full_name: String,
    /// Whether a note that is no draft must say something here.
    required: bool,
}

impl From<NoteTemplate> for NoteTemplateView {
    fn from(template: NoteTemplate) -> Self {
        let NoteTemplate { id, name, description, specialty, sections } = template;
        Self { id, name, description, specialty, sections: sections.into_iter().map(Into::into).collect() }
    }
}

impl From<TemplateSection> for TemplateSectionView {
    fn from(section: TemplateSection) -> Self {
        let TemplateSection { id, label, full_name, required } = section;
        Self { id, label, full_name, required }
    }
}

/// List the note templates
#[utoipa::path(
    get, path = "/api/v1/templates", tag = "notes", security(("bearer" = [])),
    responses((status = 200, body = NoteTemplates, description = "All of them"), Problems),
)]
pub(crate) async fn list_templates(_: Caller) -> Json<NoteTemplates> {
    Json(NoteTemplates { data: NoteTemplate::built_in().into_iter().map(Into::into).collect() })
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use serde_json::json;
    use testkit::TestApp;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        whoever_is_signed_in_sees_the_templates,
    }

    async fn whoever_is_signed_in_sees_the_templates(app: TestApp) {
        let pat = app.user(Role::Patient, "Pat").await;
        let list = app.get("/api/v1/templates").by(&pat).expect(200).await;
        let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["soap", "apso", "comprehensive", "psychiatry", "cardiology"]);
        let soap = &list["data"][0];
        assert_eq!(
            (&soap["name"], &soap["description"], &soap["specialty"]),
            (&json!("SOAP Note"), &json!("Subjective, Objective, Assessment, Plan"), &json!("General Medicine"))
        );
        let subjective = json!({"id": "subjective", "label": "S", "fullName": "Subjective", "required": true});
        assert_eq!(soap["sections"][0], subjective);
        app.get("/api/v1/templates").refused(401, "UNAUTHORIZED").await;
    }
}
