//! Patients: who they are, what is in their charts, and who may see them.
//!
//! Every operation opens a chart by [`charts::Asking`] and says on the caller's trail what it does. To add one: a file
//! with its wire types, document, handler and tests, and a line in the routes of its part.

mod add_allergy;
mod add_diagnosis;
mod add_medication;
mod add_my_condition;
mod allergy_alerts;
mod assign;
mod change;
mod chart;
mod chart_view;
mod circle;
mod code;
mod create_patient;
mod delete_patient;
mod get_chart;
mod get_chart_by_mrn;
mod get_my_chart;
mod identity;
mod if_match;
mod list_patients;
mod list_vitals;
mod medicines;
mod mrn;
mod own_record;
mod prescriber;
mod record_vitals;
mod rules;
#[cfg(test)]
mod testing;
mod update_allergy;
mod update_diagnosis;
mod update_medication;
mod update_my_record;
mod update_patient;
mod vitals;
mod wire;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{App, Function};

/// The function.
pub fn function() -> Function {
    Function::new("patients").routes(chart_routes()).routes(circle::routes())
}

/// Identity, diagnoses, medications, allergies, conditions and vitals.
fn chart_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_patient::create_patient, list_patients::list_patients))
        .routes(routes!(get_my_chart::get_my_chart, update_my_record::update_my_record))
        .routes(routes!(get_chart::get_chart, update_patient::update_patient, delete_patient::delete_patient))
        .routes(routes!(get_chart_by_mrn::get_chart_by_mrn))
        .routes(routes!(add_diagnosis::add_diagnosis))
        .routes(routes!(update_diagnosis::update_diagnosis))
        .routes(routes!(add_medication::add_medication))
        .routes(routes!(update_medication::update_medication))
        .routes(routes!(add_allergy::add_allergy))
        .routes(routes!(update_allergy::update_allergy))
        .routes(routes!(record_vitals::record_vitals, list_vitals::list_vitals))
        .routes(routes!(add_my_condition::add_my_condition))
}
