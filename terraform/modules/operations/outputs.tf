output "job_name" {
  description = "The job's name."
  value       = google_cloud_run_v2_job.this.name
}

output "account_email" {
  description = "The e-mail of the job's account."
  value       = google_service_account.this.email
}

output "account_name" {
  description = "The full name of the job's account."
  value       = google_service_account.this.name
}
