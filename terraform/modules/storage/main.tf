locals {
  day_seconds = 24 * 60 * 60

  # Years of 366 days: never a day too short.
  retention_seconds = ceil(var.audit_retention_years * 366) * local.day_seconds
}

# What people send each other and show of themselves.
resource "google_storage_bucket" "files" {
  project       = var.project_id
  name          = "${var.project_id}-${var.name_prefix}-files"
  location      = var.location
  storage_class = "STANDARD"
  labels        = var.labels

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = var.deleted_files_days * local.day_seconds
  }

  # A replaced or deleted file leaves the versions soon; soft deletion keeps it for as long as it may be brought back.
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 1
      with_state                 = "ARCHIVED"
    }

    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      age = 1
    }

    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  dynamic "cors" {
    for_each = length(var.allowed_origins) > 0 ? [var.allowed_origins] : []

    content {
      origin          = cors.value
      method          = ["GET", "HEAD", "PUT"]
      response_header = ["Content-Type", "Content-Disposition", "ETag", "x-goog-content-length-range", "x-goog-hash"]
      max_age_seconds = 3600
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      default_kms_key_name = encryption.value
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

# What proves the audit log. Nobody can change a checkpoint, so that there are no versions to keep: Cloud Storage refuses
# the second of one name.
resource "google_storage_bucket" "checkpoints" {
  project       = var.project_id
  name          = "${var.project_id}-${var.name_prefix}-checkpoints"
  location      = var.location
  storage_class = "STANDARD"
  labels        = var.labels

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  retention_policy {
    retention_period = local.retention_seconds
    is_locked        = var.lock_audit_retention
  }

  soft_delete_policy {
    retention_duration_seconds = 90 * local.day_seconds
  }

  # Checkpoints are read when somebody verifies the log: seldom, and mostly young ones.
  lifecycle_rule {
    condition {
      age = 90
    }

    action {
      type          = "SetStorageClass"
      storage_class = "NEARLINE"
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      default_kms_key_name = encryption.value
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}
