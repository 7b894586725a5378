output "name" {
  description = "The database's name."
  value       = google_firestore_database.this.name
}

output "ready" {
  description = "The database's name, once it can be used: its indexes and expiring fields are made."
  value       = google_firestore_database.this.name

  depends_on = [google_firestore_index.this, google_firestore_field.this]
}
