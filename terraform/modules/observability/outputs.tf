output "dashboard_id" {
  description = "The dashboard's name, for a link to it in the console."
  value       = google_monitoring_dashboard.this.id
}

output "log_datasets" {
  description = "The BigQuery datasets with logs, by what is in them."
  value       = { for kind, dataset in google_bigquery_dataset.logs : kind => dataset.dataset_id }
}

output "objectives" {
  description = "What is promised, by objective."
  value       = { for name, objective in local.objectives : name => objective.title }
}
