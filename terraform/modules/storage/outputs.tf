output "files_bucket" {
  description = "The name of the bucket with files."
  value       = google_storage_bucket.files.name
}

output "checkpoints_bucket" {
  description = "The name of the bucket with audit checkpoints."
  value       = google_storage_bucket.checkpoints.name
}
