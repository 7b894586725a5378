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
  project_id  = "consentmd-test"
  region      = "us-central1"
  name        = "consentmd"
  image       = "us-docker.pkg.dev/cloudrun/container/job"
  environment = { PLATFORM = "google" }
  key_ring    = "projects/consentmd-test/locations/us/keyRings/consentmd-tenants"
  secrets     = { signing-key = "signing-key", verifying-keys = "verifying-keys" }
  buckets     = { files = "files", checkpoints = "checkpoints" }

  roles = {
    database_maker = "projects/consentmd-test/roles/consentmd_database_maker"
    event_viewer   = "projects/consentmd-test/roles/consentmd_event_viewer"
    key_maker      = "projects/consentmd-test/roles/consentmd_key_maker"
    object_reader  = "projects/consentmd-test/roles/consentmd_object_reader"
    secret_renewer = "projects/consentmd-test/roles/consentmd_secret_renewer"
  }

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
    condition = (
      google_cloud_run_v2_job.this.template[0].template[0].max_retries == 0 &&
      google_cloud_run_v2_job.this.template[0].template[0].timeout == "3600s"
    )
    error_message = "An operator's command runs once, and for as long as Google takes to make a database."
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

run "the_job_makes_databases_and_does_not_own_them" {
  command = plan

  assert {
    condition = toset([for member in google_project_iam_member.this : member.role]) == toset([
      "roles/datastore.user", var.roles.database_maker, var.roles.event_viewer
    ])
    error_message = "roles/datastore.owner could delete databases and read backups."
  }
}

run "the_job_renews_the_signing_keys_and_reads_buckets" {
  command = plan

  assert {
    condition = { for name, member in google_secret_manager_secret_iam_member.renew : member.secret_id => member.role } == {
      signing-key    = var.roles.secret_renewer
      verifying-keys = var.roles.secret_renewer
    }
    error_message = "It makes, renews and retires the signing key and its public half."
  }

  assert {
    condition     = length(google_secret_manager_secret_iam_member.read) == 0
    error_message = "It reads no other secret."
  }

  assert {
    condition     = [for env in google_cloud_run_v2_job.this.template[0].template[0].containers[0].env : "${env.name}=${env.value}"] == ["DATA_DIR=/tmp", "PLATFORM=google"]
    error_message = "No key is a variable: the job has to start before there is one."
  }

  assert {
    condition = (
      toset([for member in google_storage_bucket_iam_member.read : member.bucket]) == toset(["files", "checkpoints"]) &&
      alltrue([for member in google_storage_bucket_iam_member.read : member.role == var.roles.object_reader])
    )
    error_message = "It reads both buckets and changes neither."
  }
}

run "the_job_gets_the_secrets_of_outside_issuers" {
  command = plan

  variables {
    secret_environment = { LARAVEL_JWT_SECRET = "laravel-jwt-secret" }
  }

  assert {
    condition     = google_secret_manager_secret_iam_member.read["LARAVEL_JWT_SECRET"].role == "roles/secretmanager.secretAccessor"
    error_message = "A configuration that names a variable is refused without it."
  }

  assert {
    condition = one([
      for env in google_cloud_run_v2_job.this.template[0].template[0].containers[0].env :
      env.value_source[0].secret_key_ref[0].secret if env.name == "LARAVEL_JWT_SECRET"
    ]) == "laravel-jwt-secret"
    error_message = "By name, never by value."
  }
}

run "the_signing_key_is_no_variable_of_the_job" {
  command = plan

  variables {
    secret_environment = { SIGNING_KEY_PEM = "signing-key" }
  }

  expect_failures = [var.secret_environment]
}
