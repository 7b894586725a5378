mock_provider "google" {
  override_during = plan
}

variables {
  project_id = "consentmd-test"
  names      = ["signing-key", "verifying-keys"]
  regions    = ["us-central1", "us-east1"]
}

run "every_secret_has_a_first_version_that_is_none" {
  command = plan

  assert {
    condition     = toset(keys(google_secret_manager_secret_version.not_made_yet)) == var.names
    error_message = "Cloud Run starts no service whose secret has no version."
  }

  assert {
    condition     = alltrue([for version in google_secret_manager_secret_version.not_made_yet : version.secret_data == null])
    error_message = "What is in secret_data is kept in the state file."
  }

  assert {
    condition     = alltrue([for version in google_secret_manager_secret_version.not_made_yet : version.deletion_policy == "ABANDON"])
    error_message = "Terraform must not destroy versions."
  }
}

run "the_first_version_is_taken_for_no_secret" {
  command = plan

  assert {
    condition     = length(local.not_made_yet) < 32
    error_message = "Shared secrets of outside issuers have 32 bytes or more: a longer text, which everybody can read here, would be one."
  }

  assert {
    condition     = startswith(local.not_made_yet, "not made yet")
    error_message = "consentmd admin ensure-signing-key refuses to replace anything else (shared/google-setup/src/signing_keys/ring.rs)."
  }

  # What destroys a version means it: a signing key that leaked is not to be had for another week.
  assert {
    condition     = alltrue([for secret in google_secret_manager_secret.this : secret.version_destroy_ttl == null || secret.version_destroy_ttl == ""])
    error_message = "consentmd admin retire-signing-key destroys at once."
  }
}

run "copies_stay_in_the_regions_asked_for" {
  command = plan

  assert {
    condition = alltrue([
      for secret in google_secret_manager_secret.this :
      toset(secret.replication[0].user_managed[0].replicas[*].location) == toset(["us-central1", "us-east1"])
      && length(secret.replication[0].auto) == 0
    ])
    error_message = "Automatic replication keeps copies anywhere in the world."
  }
}

run "a_region_named_twice_is_refused" {
  command = plan

  variables {
    regions = ["us-east1", "us-east1"]
  }

  expect_failures = [var.regions]
}
