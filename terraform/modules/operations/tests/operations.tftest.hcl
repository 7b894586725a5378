mock_provider "google" {
  override_during = plan

  mock_resource "google_service_account" {
    defaults = {
      email = "operations@consentmd-test.iam.gserviceaccount.com"
      name  = "projects/consentmd-test/serviceAccounts/operations@consentmd-test.iam.gserviceaccount.com"
    }
  }
}

variables {
  project_id     = "consentmd-test"
  region         = "us-central1"
  name           = "consentmd"
  image          = "us-docker.pkg.dev/cloudrun/container/job"
  environment    = { PLATFORM = "google" }
  key_ring       = "projects/consentmd-test/locations/us/keyRings/consentmd-tenants"
  key_maker_role = "projects/consentmd-test/roles/consentmd_key_maker"
  secrets        = { signing-key = "signing-key", verifying-keys = "verifying-keys" }
  buckets        = { files = "files", checkpoints = "checkpoints" }

  executors = {
    deployer = "serviceAccount:deployer@consentmd-test.iam.gserviceaccount.com"
    ops      = "group:ops@clinic.example"
  }
}

run "operators_run_the_job_with_their_arguments" {
  command = plan

  assert {
    condition = {
      for name, member in google_cloud_run_v2_job_iam_member.executor : name => "${member.role} ${member.member}"
      } == {
      deployer = "roles/run.jobsExecutorWithOverrides serviceAccount:deployer@consentmd-test.iam.gserviceaccount.com"
      ops      = "roles/run.jobsExecutorWithOverrides group:ops@clinic.example"
    }
    error_message = "Running with arguments is what the job is for; changing it is the pipeline's."
  }

  assert {
    condition     = google_cloud_run_v2_job.this.template[0].template[0].max_retries == 0
    error_message = "An operator's command runs once."
  }
}

run "the_job_makes_keys_and_cannot_destroy_them" {
  command = plan

  assert {
    condition = toset([for member in google_kms_key_ring_iam_member.this : member.role]) == toset([
      "projects/consentmd-test/roles/consentmd_key_maker", "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    ])
    error_message = "Whoever may destroy a key may destroy a clinic's records."
  }
}

run "the_job_adds_versions_of_the_keys_and_reads_buckets" {
  command = plan

  assert {
    condition = (
      toset([for member in google_secret_manager_secret_iam_member.add : member.secret_id]) == toset(values(var.secrets)) &&
      alltrue([for member in google_secret_manager_secret_iam_member.add : member.role == "roles/secretmanager.secretVersionAdder"])
    )
    error_message = "It makes the signing key and its public half."
  }

  assert {
    condition = (
      toset([for member in google_storage_bucket_iam_member.read : member.bucket]) == toset(["files", "checkpoints"]) &&
      alltrue([for member in google_storage_bucket_iam_member.read : member.role == "roles/storage.objectViewer"])
    )
    error_message = "It reads both buckets and changes neither."
  }
}
