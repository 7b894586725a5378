mock_provider "google" {
  override_during = plan

  mock_resource "google_service_account" {
    defaults = {
      email = "fn@consentmd-test.iam.gserviceaccount.com"
      name  = "projects/consentmd-test/serviceAccounts/fn@consentmd-test.iam.gserviceaccount.com"
    }
  }
}

variables {
  project_id            = "consentmd-test"
  region                = "us-central1"
  name                  = "chats"
  image                 = "us-docker.pkg.dev/cloudrun/container/hello"
  audience              = "https://chats.consentmd.internal"
  trigger_account_email = "triggers@consentmd-test.iam.gserviceaccount.com"
  trusted_proxies       = 2

  definition = {
    cpu            = "1"
    memory         = "512Mi"
    concurrency    = 80
    timeoutSeconds = 60
    sockets        = false
    needs          = ["documents", "keys", "events"]
    environment    = ["APP_URL", "LOG", "OUTSIDE_ISSUERS"]
  }

  invokers = {
    gateway  = "serviceAccount:gateway@consentmd-test.iam.gserviceaccount.com"
    triggers = "serviceAccount:triggers@consentmd-test.iam.gserviceaccount.com"
  }

  resources = {
    registry_database     = "(default)"
    key_ring              = "projects/consentmd-test/locations/us/keyRings/consentmd-tenants"
    files_bucket          = "files"
    checkpoints_bucket    = "checkpoints"
    signing_key_secret    = "signing-key"
    verifying_keys_secret = "verifying-keys"
    live_topic            = "live-signals"
    model_location        = "us-central1"

    roles = {
      checkpoint_keeper = "projects/consentmd-test/roles/consentmd_checkpoint_keeper"
      file_keeper       = "projects/consentmd-test/roles/consentmd_file_keeper"
      key_viewer        = "projects/consentmd-test/roles/consentmd_key_viewer"
      live_subscriber   = "projects/consentmd-test/roles/consentmd_live_subscriber"
      model_asker       = "projects/consentmd-test/roles/consentmd_model_asker"
      url_signer        = "projects/consentmd-test/roles/consentmd_url_signer"
    }
  }

  settings = {
    APP_URL              = "https://app.consentmd.com"
    GEMINI_MODEL         = "gemini-2.5-pro"
    LOG                  = null
    SESSION_IDLE_MINUTES = "15"
  }
}

run "an_ordinary_function_may_do_the_three_things_that_all_do" {
  command = plan

  assert {
    condition     = toset(values(local.project_roles)) == toset(["roles/datastore.user"])
    error_message = "Documents are all that it has in the project."
  }

  assert {
    condition = (
      toset([for member in google_kms_key_ring_iam_member.this : member.role]) == toset([
        "roles/cloudkms.cryptoKeyEncrypterDecrypter", var.resources.roles.key_viewer
      ]) &&
      alltrue([for member in google_kms_key_ring_iam_member.this : member.key_ring_id == var.resources.key_ring])
    )
    error_message = "It uses the tenants' keys and sees which version is current, and cannot manage them."
  }

  assert {
    condition = (
      length(google_storage_bucket_iam_member.this) == 0 && length(google_service_account_iam_member.signs_as_itself) == 0 &&
      length(google_pubsub_topic_iam_member.live) == 0
    )
    error_message = "It has no business with buckets, signatures and live signals."
  }

  assert {
    condition     = { for name, member in google_secret_manager_secret_iam_member.this : name => member.secret_id } == { VERIFYING_KEYS_PEM = var.resources.verifying_keys_secret }
    error_message = "It reads the public keys and no other secret."
  }
}

run "a_function_is_told_what_it_takes_and_nothing_else" {
  command = plan

  assert {
    condition = local.environment == {
      PLATFORM                 = "google"
      GOOGLE_CLOUD_PROJECT     = "consentmd-test"
      REGISTRY_DATABASE        = "(default)"
      KMS_KEY_RING             = var.resources.key_ring
      TRIGGER_AUDIENCE         = var.audience
      TRIGGER_SERVICE_ACCOUNTS = var.trigger_account_email
      TRUSTED_PROXIES          = "2"
      IAM_GUARDED              = "true"
      APP_URL                  = "https://app.consentmd.com"
    }
    error_message = "Not what others need, not what it does not take, and not what is null."
  }

  assert {
    condition = toset([for env in google_cloud_run_v2_service.this.template[0].containers[0].env : env.name]) == toset(concat(
      keys(local.environment), ["VERIFYING_KEYS_PEM"]
    ))
    error_message = "The service gets exactly these variables."
  }
}

run "a_setting_can_come_from_a_secret" {
  command = plan

  variables {
    settings        = { OUTSIDE_ISSUERS = "in clear" }
    secret_settings = { OUTSIDE_ISSUERS = "issuers", OTHER = "other" }
  }

  assert {
    condition = (
      toset(keys(local.secret_environment)) == toset(["OUTSIDE_ISSUERS", "VERIFYING_KEYS_PEM"]) &&
      !contains(keys(local.environment), "OUTSIDE_ISSUERS")
    )
    error_message = "A secret goes to those that take it, and is not set in clear beside."
  }

  assert {
    condition     = google_secret_manager_secret_iam_member.this["OUTSIDE_ISSUERS"].role == "roles/secretmanager.secretAccessor"
    error_message = "Its account may read that secret."
  }
}

run "whoever_signs_gets_the_private_key_and_whoever_keeps_checkpoints_cannot_change_them" {
  command = plan

  variables {
    name = "audit"
    definition = {
      cpu         = "1", memory = "512Mi", concurrency = 80, timeoutSeconds = 180, sockets = false
      needs       = ["documents", "keys", "events", "checkpoints", "signing"]
      environment = []
    }
  }

  assert {
    condition     = keys(local.secret_environment) == ["SIGNING_KEY_PEM"]
    error_message = "The private key, and not the public ones beside it."
  }

  assert {
    condition = toset([for member in google_storage_bucket_iam_member.this : "${member.bucket} ${member.role}"]) == toset([
      "checkpoints ${var.resources.roles.checkpoint_keeper}"
    ])
    error_message = "Adding and reading by the role that allows nothing else; objectUser or objectAdmin could remove checkpoints."
  }

  assert {
    condition     = local.environment["CHECKPOINTS_BUCKET"] == "checkpoints" && !contains(keys(local.environment), "BLOBS_BUCKET")
    error_message = "It knows its own bucket only."
  }
}

run "whoever_keeps_files_signs_as_itself" {
  command = plan

  variables {
    name = "identity"
    definition = {
      cpu         = "1", memory = "512Mi", concurrency = 80, timeoutSeconds = 60, sockets = false
      needs       = ["documents", "keys", "events", "files", "signing"]
      environment = []
    }
  }

  assert {
    condition = (
      google_service_account_iam_member.signs_as_itself[0].service_account_id == google_service_account.this.name &&
      google_service_account_iam_member.signs_as_itself[0].role == var.resources.roles.url_signer
    )
    error_message = "signBlob on its own account, by the role that allows nothing else."
  }

  assert {
    condition     = [for member in google_storage_bucket_iam_member.this : "${member.bucket} ${member.role}"] == ["files ${var.resources.roles.file_keeper}"]
    error_message = "The files' bucket and no other."
  }
}

run "a_function_with_sockets_is_open_and_long" {
  command = plan

  variables {
    name                 = "realtime"
    behind_load_balancer = true
    settings             = { IAM_GUARDED = "true" }
    definition = {
      cpu         = "1", memory = "512Mi", concurrency = 1000, timeoutSeconds = 3600, sockets = true
      needs       = ["documents", "keys", "events", "live"]
      environment = ["IAM_GUARDED"]
    }
  }

  assert {
    condition = (
      google_cloud_run_v2_service.this.invoker_iam_disabled &&
      google_cloud_run_v2_service.this.ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" &&
      length(google_cloud_run_v2_service_iam_member.invoker) == 0
    )
    error_message = "Browsers reach it by the load balancer and need no Google identity."
  }

  assert {
    condition = (
      google_cloud_run_v2_service.this.template[0].timeout == "3600s" &&
      google_cloud_run_v2_service.this.template[0].session_affinity &&
      !google_cloud_run_v2_service.this.template[0].containers[0].resources[0].cpu_idle &&
      google_cloud_run_v2_service.this.template[0].containers[0].ports[0].name == "http1"
    )
    error_message = "A socket lives for an hour, on one instance that has CPU between requests, over HTTP/1."
  }

  assert {
    condition = toset([for member in google_pubsub_topic_iam_member.live : "${member.topic} ${member.role}"]) == toset([
      "live-signals roles/pubsub.publisher", "live-signals roles/pubsub.subscriber"
    ])
    error_message = "It publishes to live signals and attaches subscriptions to them."
  }

  assert {
    condition     = !contains([for env in google_cloud_run_v2_service.this.template[0].containers[0].env : env.name], "IAM_GUARDED")
    error_message = "Anyone may call it, so that anyone could write a token whose signature Google has removed."
  }

  assert {
    condition     = google_project_iam_member.this["live"].role == var.resources.roles.live_subscriber
    error_message = "Its instances make their own subscriptions."
  }
}

run "without_a_load_balancer_sockets_are_reached_directly" {
  command = plan

  variables {
    definition = {
      cpu         = "1", memory = "512Mi", concurrency = 1000, timeoutSeconds = 3600, sockets = true
      needs       = ["documents", "keys", "events", "live"]
      environment = []
    }
  }

  assert {
    condition     = google_cloud_run_v2_service.this.ingress == "INGRESS_TRAFFIC_ALL"
    error_message = "Nobody could reach it otherwise."
  }
}

run "others_are_called_by_their_invokers_alone" {
  command = plan

  assert {
    condition = (
      !google_cloud_run_v2_service.this.invoker_iam_disabled &&
      toset([for member in google_cloud_run_v2_service_iam_member.invoker : member.member]) == toset(values(var.invokers)) &&
      !anytrue([for member in google_cloud_run_v2_service_iam_member.invoker : startswith(member.member, "all")])
    )
    error_message = "Only the gateway and the triggers may call."
  }

  assert {
    condition     = google_cloud_run_v2_service.this.custom_audiences == tolist(["https://chats.consentmd.internal"])
    error_message = "Cloud Run must take tokens with the triggers' audience."
  }

  assert {
    condition     = google_cloud_run_v2_service.this.template[0].containers[0].resources[0].cpu_idle
    error_message = "It is paid for by the request."
  }
}

run "a_model_is_asked_where_it_may_be" {
  command = plan

  variables {
    name = "scribe"
    definition = {
      cpu         = "1", memory = "512Mi", concurrency = 80, timeoutSeconds = 300, sockets = false
      needs       = ["documents", "keys", "events", "model"]
      environment = ["GEMINI_MODEL"]
    }
  }

  assert {
    condition     = google_project_iam_member.this["model"].role == var.resources.roles.model_asker
    error_message = "It asks Vertex AI's models."
  }

  assert {
    condition     = local.environment["GEMINI_LOCATION"] == "us-central1" && local.environment["GEMINI_MODEL"] == "gemini-2.5-pro"
    error_message = "It is told which model, and where."
  }
}

run "an_unknown_need_is_refused" {
  command = plan

  variables {
    definition = {
      cpu         = "1", memory = "512Mi", concurrency = 80, timeoutSeconds = 60, sockets = false
      needs       = ["documents", "keys", "events", "telephone"]
      environment = []
    }
  }

  expect_failures = [var.definition]
}

run "too_little_memory_is_refused" {
  command = plan

  variables {
    definition = {
      cpu         = "1", memory = "256Mi", concurrency = 80, timeoutSeconds = 60, sockets = false
      needs       = ["documents", "keys", "events"]
      environment = []
    }
  }

  expect_failures = [var.definition]
}
