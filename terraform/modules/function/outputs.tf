output "uri" {
  description = "Where the service answers."
  value       = google_cloud_run_v2_service.this.uri
}

output "service_name" {
  description = "What the service is called."
  value       = google_cloud_run_v2_service.this.name
}

output "account_email" {
  description = "The e-mail of the function's account."
  value       = google_service_account.this.email
}

output "account_name" {
  description = "The full name of the function's account."
  value       = google_service_account.this.name
}

output "environment" {
  description = "The variables that the service gets, secrets left out."
  value       = local.environment
}
