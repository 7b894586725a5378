mock_provider "google" {
  override_during = plan
}

variables {
  project_id  = "consentmd-test"
  name_prefix = "consentmd"
  location    = "US"
}

run "nothing_is_ever_public" {
  command = plan

  assert {
    condition = alltrue([
      for bucket in [google_storage_bucket.files, google_storage_bucket.checkpoints] :
      bucket.public_access_prevention == "enforced" && bucket.uniform_bucket_level_access && !bucket.force_destroy
    ])
    error_message = "Buckets must refuse public access and must not be emptied by Terraform."
  }

  assert {
    condition     = length(google_storage_bucket.files.cors) == 0
    error_message = "No origin was named: no browser may use the bucket."
  }
}

run "checkpoints_stay_for_six_years_at_least" {
  command = plan

  assert {
    condition     = google_storage_bucket.checkpoints.retention_policy[0].retention_period >= 6 * 365.25 * 86400
    error_message = "HIPAA asks for six years."
  }

  assert {
    condition     = !google_storage_bucket.checkpoints.retention_policy[0].is_locked
    error_message = "A lock cannot be undone: it must be asked for."
  }

  assert {
    condition     = length(google_storage_bucket.checkpoints.versioning) == 0
    error_message = "Cloud Storage has refused versions beside a retention policy."
  }
}

run "the_lock_is_set_when_it_is_asked_for" {
  command = plan

  variables {
    lock_audit_retention  = true
    audit_retention_years = 7
  }

  assert {
    condition = (
      google_storage_bucket.checkpoints.retention_policy[0].is_locked &&
      google_storage_bucket.checkpoints.retention_policy[0].retention_period == 221356800
    )
    error_message = "Seven years of 366 days are 221356800 s."
  }
}

run "browsers_of_the_allowed_origins_may_put_files" {
  command = plan

  variables {
    allowed_origins = ["https://app.consentmd.com"]
  }

  assert {
    condition = (
      google_storage_bucket.files.cors[0].origin == tolist(["https://app.consentmd.com"]) &&
      contains(google_storage_bucket.files.cors[0].method, "PUT") &&
      !contains(google_storage_bucket.files.cors[0].method, "DELETE")
    )
    error_message = "Signed addresses are for putting and getting, from the allowed origins."
  }

  assert {
    condition = length(setsubtract(
      ["content-type", "x-goog-content-length-range"],
      [for header in google_storage_bucket.files.cors[0].response_header : lower(header)]
    )) == 0
    error_message = "A browser that puts a file has to send both headers, and so to ask for them first (shared/blobs-gcs/README.md)."
  }

  assert {
    condition     = length(google_storage_bucket.checkpoints.cors) == 0
    error_message = "No browser has business with checkpoints."
  }
}

run "a_deleted_file_can_be_brought_back_for_a_month" {
  command = plan

  assert {
    condition     = google_storage_bucket.files.soft_delete_policy[0].retention_duration_seconds == 2592000
    error_message = "30 days are 2592000 s."
  }
}

run "own_keys_encrypt_both_buckets" {
  command = plan

  variables {
    kms_key = "projects/p/locations/us/keyRings/consentmd-storage/cryptoKeys/files"
  }

  assert {
    condition = alltrue([
      for bucket in [google_storage_bucket.files, google_storage_bucket.checkpoints] :
      bucket.encryption[0].default_kms_key_name == var.kms_key
    ])
    error_message = "Both buckets are encrypted under the given key."
  }
}

run "more_than_cloud_storage_keeps_is_refused" {
  command = plan

  variables {
    deleted_files_days = 120
  }

  expect_failures = [var.deleted_files_days]
}
