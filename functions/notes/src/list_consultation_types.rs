use model::consultation_type::{CONSULTATION_TYPES, ConsultationType};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Caller, Json, Problems};

/// The kinds of consultation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsultationTypes {
    /// All of them.
    data: Vec<ConsultationTypeView>,
}

/// A kind of consultation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsultationTypeView {
    /// Its key.
    #[schema(example = "initial_consultation")]
    id: &'static str,
    /// Its name.
    #[schema(example = "Initial Consultation")]
    name: &'static str,
    /// One line about it.
    #[schema(example = "First visit with patient, comprehensive history")]
    description: &'static str,
    /// What the scribe is told about such a visit.
    #[schema(example = "This is an initial consultation...")]
    ai_context_modifier: &'static str,
}

impl From<&'static ConsultationType> for ConsultationTypeView {
    fn from(kind: &'static ConsultationType) -> Self {
        let ConsultationType { id, name, description, ai_context_modifier } = *kind;
        Self { id, name, description, ai_context_modifier }
    }
}

/// List the consultation types
#[utoipa::path(
    get, path = "/api/v1/consultation-types", tag = "notes", security(("bearer" = [])),
    responses((status = 200, body = ConsultationTypes, description = "All of them"), Problems),
)]
pub(crate) async fn list_consultation_types(_: Caller) -> Json<ConsultationTypes> {
    Json(ConsultationTypes { data: CONSULTATION_TYPES.iter().map(Into::into).collect() })
}

#[cfg(test)]
mod tests {
    use kernel::Role;
    use testkit::TestApp;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        whoever_is_signed_in_sees_the_consultation_types,
    }

    async fn whoever_is_signed_in_sees_the_consultation_types(app: TestApp) {
        let pat = app.user(Role::Patient, "Pat").await;
        let list = app.get("/api/v1/consultation-types").by(&pat).expect(200).await;
        let first = &list["data"][0];
        assert_eq!(first["id"], "initial_consultation");
        assert_eq!(first["name"], "Initial Consultation");
        assert_eq!(first["description"], "First visit with patient, comprehensive history");
        assert!(first["aiContextModifier"].as_str().unwrap().starts_with("This is an initial consultation"));
        assert_eq!(list["data"].as_array().unwrap().len(), super::CONSULTATION_TYPES.len());
        app.get("/api/v1/consultation-types").refused(401, "UNAUTHORIZED").await;
    }
}
