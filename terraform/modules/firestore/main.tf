# Those that `consentmd admin create --new-tenant` makes are alike (shared/google-setup/src/databases): it refuses one that is there
# with other settings.
resource "google_firestore_database" "this" {
  project                           = var.project_id
  name                              = var.name
  location_id                       = var.location
  type                              = "FIRESTORE_NATIVE"
  database_edition                  = "STANDARD"
  concurrency_mode                  = "OPTIMISTIC"
  app_engine_integration_mode       = "DISABLED"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = "DELETE_PROTECTION_ENABLED"
  deletion_policy                   = "ABANDON"

  dynamic "cmek_config" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      kms_key_name = cmek_config.value
    }
  }

  lifecycle {
    # A tenant that is taken out of tfvars would lose its indexes: the plan fails instead.
    prevent_destroy = true
  }
}

# 7 days.
resource "google_firestore_backup_schedule" "daily" {
  project   = var.project_id
  database  = google_firestore_database.this.name
  retention = "604800s"

  daily_recurrence {}
}

# 14 weeks, the longest that Firestore keeps one.
resource "google_firestore_backup_schedule" "weekly" {
  project   = var.project_id
  database  = google_firestore_database.this.name
  retention = "8467200s"

  weekly_recurrence {
    day = "SUNDAY"
  }
}
