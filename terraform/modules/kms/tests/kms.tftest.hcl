mock_provider "google" {
  override_during = plan
}

variables {
  project_id  = "consentmd-test"
  location    = "us"
  name_prefix = "consentmd"
}

run "the_registry_has_a_key_before_there_is_a_tenant" {
  command = plan

  assert {
    condition     = toset(keys(google_kms_crypto_key.tenant)) == toset(["tenant-registry"])
    error_message = "The registry's key is there from the beginning."
  }

  assert {
    condition     = length(google_kms_key_ring.storage) == 0
    error_message = "Nobody asked for storage keys, and a key ring can never be removed."
  }
}

run "each_tenant_has_a_key_of_its_own_that_is_renewed" {
  command = plan

  variables {
    tenants = ["lakeside", "hillcrest"]
  }

  assert {
    condition = toset(keys(google_kms_crypto_key.tenant)) == toset([
      "tenant-registry", "tenant-lakeside", "tenant-hillcrest"
    ])
    error_message = "The programs look for tenant-<tenant id>."
  }

  assert {
    condition = alltrue([
      for key in google_kms_crypto_key.tenant :
      key.rotation_period == "7776000s" && key.purpose == "ENCRYPT_DECRYPT" && key.destroy_scheduled_duration == "2592000s"
    ])
    error_message = "Keys get a new version every 90 days, and a destroyed one can be brought back for 30."
  }
}

run "storage_keys_are_for_the_agents_alone" {
  command = plan

  variables {
    storage_agents = {
      files = "serviceAccount:service-1@gs-project-accounts.iam.gserviceaccount.com"
    }
    protection_level = "HSM"
  }

  assert {
    condition = google_kms_crypto_key_iam_binding.storage["files"].members == toset([
      "serviceAccount:service-1@gs-project-accounts.iam.gserviceaccount.com"
    ])
    error_message = "A storage key is for the agent of its storage alone."
  }

  assert {
    condition     = google_kms_key_ring.storage[0].name != google_kms_key_ring.tenants.name
    error_message = "Functions may use the whole ring of the tenants' keys: storage keys must be in another."
  }

  assert {
    condition     = google_kms_crypto_key.storage["files"].version_template[0].protection_level == "HSM"
    error_message = "The protection level is the one asked for."
  }
}

run "no_tenant_takes_the_registrys_key" {
  command = plan

  variables {
    tenants = ["registry"]
  }

  expect_failures = [var.tenants]
}
