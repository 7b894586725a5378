# The root's own logic, with the generated files as they are: whatever the code declares must fit together.

mock_provider "google" {
  override_during = plan

  mock_resource "google_service_account" {
    defaults = {
      email = "account@consentmd-test.iam.gserviceaccount.com"
      name  = "projects/consentmd-test/serviceAccounts/account@consentmd-test.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_cloud_run_v2_service" {
    defaults = {
      uri = "https://service-x.a.run.app"
    }
  }

  mock_resource "google_kms_key_ring" {
    defaults = {
      id = "projects/consentmd-test/locations/us/keyRings/consentmd-tenants"
    }
  }
}

mock_provider "google-beta" {
  override_during = plan

  mock_resource "google_project_service_identity" {
    defaults = {
      email = "service-1@gcp-sa-pubsub.iam.gserviceaccount.com"
    }
  }
}

variables {
  project_id  = "consentmd-test"
  environment = "dev"
}

run "each_function_of_the_code_is_a_service" {
  command = plan

  assert {
    condition     = toset(keys(module.function)) == toset(keys(jsondecode(file("generated/functions.json"))))
    error_message = "Functions come from generated/functions.json and from nowhere else."
  }

  assert {
    condition     = length(local.function_names) > 0 && toset(keys(local.function_uri)) == local.function_names
    error_message = "Other root files find each function's address."
  }

  assert {
    condition     = alltrue([for name in local.socket_functions : contains(local.functions[name].needs, "live")])
    error_message = "A function with sockets needs live signals."
  }
}

run "what_calls_a_function_calls_with_a_token_for_it" {
  command = plan

  assert {
    condition = alltrue([
      for name in local.function_names : module.function[name].environment["TRIGGER_AUDIENCE"] == local.targets[name].audience
    ])
    error_message = "A function refuses tokens that are for another."
  }

  assert {
    condition     = length(setsubtract(local.triggered_functions, local.function_names)) == 0
    error_message = "Events and schedules are for functions that there are."
  }

  assert {
    condition = alltrue([
      for schedule in values(local.events.schedules) : local.timeout_seconds[schedule.function] >= schedule.deadlineSeconds
    ])
    error_message = "A function may take as long as its schedules."
  }

  assert {
    condition     = alltrue([for name, function in local.functions : local.timeout_seconds[name] >= function.timeoutSeconds])
    error_message = "A function may take as long as its code says."
  }

  assert {
    condition     = length(distinct(values(local.trigger_audience))) == length(local.functions)
    error_message = "No two functions take the same tokens."
  }

  assert {
    condition = alltrue([
      for name, invokers in local.invokers :
      toset(keys(invokers)) == toset(contains(local.triggered_functions, name) ? ["gateway", "deployer", "triggers"] : ["gateway", "deployer"])
    ])
    error_message = "Pub/Sub and Scheduler may call the functions that listen to them, and no other."
  }
}

run "without_a_domain_proxies_are_fewer_and_there_is_no_public_url" {
  command = plan

  assert {
    condition     = local.trusted_proxies.sockets == 1 && local.settings["PUBLIC_URL"] == null
    error_message = "Sockets are reached directly."
  }
}

run "with_a_domain_everything_is_behind_the_load_balancer" {
  command = plan

  variables {
    domain = "api.consentmd.example"
  }

  assert {
    condition     = local.trusted_proxies == { rest = 3, sockets = 2 } && local.settings["PUBLIC_URL"] == "https://api.consentmd.example"
    error_message = "The load balancer appends two entries."
  }
}

run "tenants_have_databases_and_keys_of_their_own_or_share" {
  command = plan

  variables {
    tenants = {
      lakeside  = {}
      hillcrest = { database = "small-clinics", prefix = "hillcrest." }
      riverside = { database = "small-clinics", prefix = "riverside." }
    }
  }

  assert {
    condition = local.database_prefixes == {
      "(default)"   = toset([])
      lakeside      = toset([""])
      small-clinics = toset(["hillcrest.", "riverside."])
    }
    error_message = "The registry's database has no tenant, lakeside's has one, the shared one has two."
  }
}

run "two_tenants_in_one_place_are_refused" {
  command = plan

  variables {
    tenants = {
      lakeside  = { database = "clinics" }
      hillcrest = { database = "clinics" }
    }
  }

  expect_failures = [var.tenants]
}

run "a_region_outside_the_united_states_is_refused" {
  command = plan

  variables {
    region = "europe-west1"
  }

  expect_failures = [var.region]
}

run "places_of_documents_files_keys_messages_and_secrets_outside_the_united_states_are_refused" {
  command = plan

  variables {
    firestore_location = "eur3"
    storage_location   = "EU"
    kms_location       = "europe"
    message_regions    = ["us-central1", "europe-west1"]
    secret_regions     = ["europe-west1"]
    model_location     = "global"
  }

  expect_failures = [
    var.firestore_location, var.storage_location, var.kms_location, var.message_regions, var.secret_regions, var.model_location
  ]
}

run "they_are_taken_when_somebody_answers_for_it" {
  command = plan

  variables {
    allow_regions_outside_us = true
    region                   = "europe-west1"
    firestore_location       = "eur3"
    storage_location         = "EU"
    kms_location             = "europe"
    message_regions          = ["europe-west1"]
    secret_regions           = ["europe-west1"]
    model_location           = "europe-west1"
  }

  assert {
    condition     = module.registry.url == "europe-west1-docker.pkg.dev/consentmd-test/consentmd"
    error_message = "Everything follows the region."
  }
}

run "prod_refuses_what_loses_data_or_people" {
  command = plan

  variables {
    environment               = "prod"
    deletion_protection       = false
    audit_retention_years     = 1
    access_log_retention_days = 30
  }

  expect_failures = [
    var.deletion_protection, var.audit_retention_years, var.access_log_retention_days, var.app_url, var.alert_emails
  ]
}

run "a_misspelt_variable_is_refused" {
  command = plan

  variables {
    environment_variables = { SESION_IDLE_MINUTES = "15" }
  }

  expect_failures = [var.environment_variables]
}

run "a_misspelt_function_is_refused" {
  command = plan

  variables {
    function_settings = { chat = { min_instances = 1 } }
  }

  expect_failures = [var.function_settings]
}

run "new_functions_can_start_with_their_own_image" {
  command = plan

  variables {
    first_image_tag = "4b514b8"
  }

  assert {
    condition = alltrue([
      for name, image in local.first_image : image == "us-central1-docker.pkg.dev/consentmd-test/consentmd/${name}:4b514b8"
    ])
    error_message = "The hello image would take events for handled."
  }
}

run "iam_is_said_to_guard_what_it_guards_and_nothing_else" {
  command = plan

  assert {
    condition     = alltrue([for name in local.function_names : lookup(module.function[name].environment, "IAM_GUARDED", "false") == (local.functions[name].sockets ? "false" : "true")])
    error_message = "A function that anyone may call must not take tokens whose signature is gone."
  }
}

run "the_job_is_configured_as_commands_want_it" {
  command = plan

  variables {
    default_tenant        = "lakeside"
    first_admin_email     = "ada@lakeside.example"
    firestore_location    = "us-east1"
    environment_variables = { LOG = "debug" }
  }

  assert {
    condition = {
      for name in ["PLATFORM", "GOOGLE_CLOUD_PROJECT", "REGISTRY_DATABASE", "FIRESTORE_LOCATION", "DEFAULT_TENANT", "FIRST_ADMIN_EMAIL", "LOG"] :
      name => local.job_environment[name]
      } == {
      PLATFORM             = "google"
      GOOGLE_CLOUD_PROJECT = "consentmd-test"
      REGISTRY_DATABASE    = "(default)"
      FIRESTORE_LOCATION   = "us-east1"
      DEFAULT_TENANT       = "lakeside"
      FIRST_ADMIN_EMAIL    = "ada@lakeside.example"
      LOG                  = "debug"
    }
    error_message = "What functions are told, and where databases are made."
  }

  assert {
    condition     = alltrue([for name in ["KMS_KEY_RING", "BLOBS_BUCKET", "CHECKPOINTS_BUCKET"] : contains(keys(local.job_environment), name)])
    error_message = "Commands are for all functions' data, and so need what any function needs."
  }

  assert {
    condition     = length(setintersection(keys(local.job_environment), ["SIGNING_KEY_PEM", "VERIFYING_KEYS_PEM", "IAM_GUARDED", "TRIGGER_AUDIENCE"])) == 0
    error_message = "The job starts before there is a key, and nobody calls it."
  }
}

run "outside_issuers_are_told_to_functions_the_job_and_the_gateway" {
  command = plan

  variables {
    extra_secrets = { laravel-jwt-secret = { variable = "LARAVEL_JWT_SECRET" } }
    outside_issuers = [
      {
        issuer         = "https://laravel.example"
        secretVariable = "LARAVEL_JWT_SECRET"
        tenant         = "clinic"
        roles          = { doctor = "Doctor" }
        userEndpoint   = { url = "https://laravel.example/api/users/{sub}" }
      },
      {
        issuer      = "https://id.example"
        audience    = "consentmd"
        jwksUrl     = "https://id.example/certs"
        tenantClaim = "clinic"
        tenants     = ["north", "south"]
        defaultRole = "Patient"
      },
    ]
  }

  assert {
    condition = jsondecode(local.job_environment["OUTSIDE_ISSUERS"]) == jsondecode(jsonencode([
      {
        issuer       = "https://laravel.example", secretVariable = "LARAVEL_JWT_SECRET", tenant = "clinic"
        roles        = { doctor = "Doctor" }
        userEndpoint = { url = "https://laravel.example/api/users/{sub}", cacheSeconds = null }
      },
      {
        issuer      = "https://id.example", audience = "consentmd", jwksUrl = "https://id.example/certs"
        tenantClaim = "clinic", tenants = ["north", "south"], defaultRole = "Patient"
      },
    ]))
    error_message = "Fields that were not given are not there: functions refuse null for a list."
  }

  assert {
    condition     = alltrue([for name in local.function_names : module.function[name].environment["OUTSIDE_ISSUERS"] == local.job_environment["OUTSIDE_ISSUERS"]])
    error_message = "All functions take their tokens."
  }

  assert {
    condition     = alltrue([for name in local.function_names : contains(local.variables_of[name], "LARAVEL_JWT_SECRET")]) && keys(local.issuer_secrets) == ["LARAVEL_JWT_SECRET"]
    error_message = "Whoever is told of the issuer gets its secret."
  }

  assert {
    condition     = alltrue([for name in local.function_names : !contains(keys(module.function[name].environment), "LARAVEL_JWT_SECRET")])
    error_message = "From Secret Manager, and not in clear."
  }
}

run "an_issuer_whose_secret_is_nowhere_is_refused" {
  command = plan

  variables {
    outside_issuers = [{ issuer = "https://laravel.example", secretVariable = "LARAVEL_JWT_SECRET", tenant = "clinic", defaultRole = "Patient" }]
  }

  expect_failures = [var.extra_secrets]
}

run "an_issuer_that_functions_would_refuse_is_refused" {
  command = plan

  variables {
    outside_issuers = [{ issuer = "https://id.example", jwksUrl = "https://id.example/certs", defaultRole = "SuperAdmin" }]
  }

  expect_failures = [var.outside_issuers]
}

run "nobody_left_to_sign_in_is_refused" {
  command = plan

  variables {
    environment_variables = { BUILT_IN_SIGN_IN = "false" }
  }

  expect_failures = [var.environment_variables]
}

run "what_terraform_sets_itself_is_refused" {
  command = plan

  variables {
    environment_variables = { IAM_GUARDED = "true" }
  }

  expect_failures = [var.environment_variables]
}

run "a_secret_beside_what_terraform_sets_is_refused" {
  command = plan

  variables {
    extra_secrets = { gemini-key = { variable = "GEMINI_API_KEY" } }
  }

  expect_failures = [var.extra_secrets]
}

run "rights_are_as_small_as_the_code_says" {
  command = plan

  assert {
    condition = toset(local.custom_roles.consentmd_file_keeper.permissions) == toset([
      "storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list"
    ])
    error_message = "Files are added, read, listed and removed (shared/blobs-gcs/README.md)."
  }

  assert {
    condition     = alltrue([for role in ["consentmd_checkpoint_keeper", "consentmd_object_reader"] : !contains(local.custom_roles[role].permissions, "storage.objects.delete")])
    error_message = "Nothing removes a checkpoint, and so nothing replaces one."
  }

  assert {
    condition = alltrue(flatten([
      for name, role in local.custom_roles : [
        for permission in role.permissions :
        !endswith(permission, ".setIamPolicy") && !endswith(permission, ".actAs") && (!endswith(permission, ".delete") || contains([
          "consentmd_file_keeper storage.objects.delete", "consentmd_live_subscriber pubsub.subscriptions.delete"
        ], "${name} ${permission}"))
      ]
    ]))
    error_message = "No role of ours gives rights to others, and two remove: files, and an instance's own subscription."
  }

  assert {
    condition     = contains(local.services, "iamcredentials.googleapis.com")
    error_message = "Signed addresses of files are signed by it."
  }
}

run "deployments_find_the_bucket_of_their_lock" {
  command = plan

  assert {
    condition     = strcontains(file("../infra/deploy/lock.sh"), "gs://$PROJECT${trimprefix(google_storage_bucket.deployments.name, var.project_id)}/lock")
    error_message = "infra/deploy/lock.sh takes its lock in the bucket that is made for it."
  }

  assert {
    condition = (
      google_storage_bucket_iam_member.deployer_lock.bucket == google_storage_bucket.deployments.name &&
      google_storage_bucket_iam_member.deployer_lock.member == "serviceAccount:${local.deployer_account_email}"
    )
    error_message = "The deployer takes the lock and gives it back."
  }
}
