output "trigger_id" {
  description = "The trigger's id, for `gcloud builds triggers run`; null where there is none."
  value       = one(google_cloudbuild_trigger.main[*].trigger_id)
}

output "trigger_name" {
  description = "The trigger's name; null where there is none."
  value       = one(google_cloudbuild_trigger.main[*].name)
}
