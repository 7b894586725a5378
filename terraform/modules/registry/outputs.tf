output "name" {
  description = "The repository's name."
  value       = google_artifact_registry_repository.this.repository_id
}

output "url" {
  description = "What images' names begin with: REGION-docker.pkg.dev/PROJECT/NAME"
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.this.repository_id}"
}
