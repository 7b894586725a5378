output "number" {
  description = "The project's number."
  value       = data.google_project.this.number
}

output "agent_emails" {
  description = "The e-mail of each service agent, by API."
  value       = { for service, agent in google_project_service_identity.this : service => agent.email }
}

output "storage_agent_email" {
  description = "The e-mail of Cloud Storage's agent; null where it was not asked for."
  value       = one(data.google_storage_project_service_account.this[*].email_address)
}

output "role_ids" {
  description = "The full name of each custom role, by id, as IAM bindings want it."
  value       = { for id, role in google_project_iam_custom_role.this : id => role.name }
}

output "services" {
  description = "The APIs that are enabled."
  value       = [for service in google_project_service.this : service.service]
}
