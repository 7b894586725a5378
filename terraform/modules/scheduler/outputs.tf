output "names" {
  description = "The schedules' names."
  value       = [for job in google_cloud_scheduler_job.this : job.name]
}
