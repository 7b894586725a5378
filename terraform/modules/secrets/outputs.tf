output "names" {
  description = "Each secret's name, once it has a version, by name."
  value       = { for name, secret in google_secret_manager_secret.this : name => secret.secret_id }

  depends_on = [google_secret_manager_secret_version.not_made_yet]
}
