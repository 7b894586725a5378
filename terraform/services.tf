# One Cloud Run service for each function, the operators' job, and who may call them.

locals {
  first_image = {
    for name in local.function_names :
    name => var.first_image_tag == null ? "us-docker.pkg.dev/cloudrun/container/hello" : "${local.repository_url}/${name}:${var.first_image_tag}"
  }
  first_job_image = (
    var.first_image_tag == null ? "us-docker.pkg.dev/cloudrun/container/job" : "${local.repository_url}/${local.name_prefix}:${var.first_image_tag}"
  )

  # What Google appends to X-Forwarded-For, by the way that a request takes; see the README.
  trusted_proxies = coalesce(var.trusted_proxies, {
    rest    = var.domain == null ? 2 : 3
    sockets = var.domain == null ? 1 : 2
  })

  # A function takes as long as its longest schedule, whatever else it says.
  timeout_seconds = {
    for name, function in local.functions : name => max(
      function.timeoutSeconds,
      [for schedule in values(local.events.schedules) : schedule.deadlineSeconds if schedule.function == name]...
    )
  }

  triggered_functions = toset(concat(
    [for subscription in values(local.events.subscriptions) : subscription.function],
    [for schedule in values(local.events.schedules) : schedule.function],
  ))

  # Nobody else: whoever brings no token of these accounts is turned away by Google.
  invokers = {
    for name in local.function_names : name => merge(
      {
        gateway  = "serviceAccount:${local.gateway_account_email}"
        deployer = "serviceAccount:${local.deployer_account_email}"
      },
      contains(local.triggered_functions, name) ? { triggers = "serviceAccount:${local.trigger_account_email}" } : {},
    )
  }

  settings = merge(var.environment_variables, {
    ALLOWED_ORIGINS   = length(var.allowed_origins) == 0 ? null : join(",", var.allowed_origins)
    APP_URL           = var.app_url
    DEFAULT_TENANT    = var.default_tenant
    FIRST_ADMIN_EMAIL = var.first_admin_email
    OUTSIDE_ISSUERS   = local.outside_issuers_json
    PUBLIC_URL        = var.domain == null ? null : "https://${var.domain}"
  })

  # Commands take what functions take, for the data of all of them (shared/runtime/src/config); what only callers need is missing.
  job_environment = {
    for name, value in merge(local.settings, {
      PLATFORM             = "google"
      GOOGLE_CLOUD_PROJECT = var.project_id
      REGISTRY_DATABASE    = module.firestore[local.registry_database].name
      KMS_KEY_RING         = module.kms.tenant_ring
      BLOBS_BUCKET         = module.storage.files_bucket
      CHECKPOINTS_BUCKET   = module.storage.checkpoints_bucket
      GEMINI_LOCATION      = var.model_location
      # Databases that the job makes are where Terraform's are.
      FIRESTORE_LOCATION = var.firestore_location
    }) : name => value if value != null
  }

  secret_settings = { for name, secret in var.extra_secrets : secret.variable => module.secrets.names[name] }
}

resource "google_service_account" "gateway" {
  project      = var.project_id
  account_id   = "gateway"
  display_name = "ConsentMD gateway"
  description  = "Calls functions for clients."

  depends_on = [module.project]
}

resource "google_service_account" "trigger" {
  project      = var.project_id
  account_id   = "triggers"
  display_name = "ConsentMD triggers"
  description  = "Pub/Sub and Scheduler call functions as this account."

  depends_on = [module.project]
}

module "function" {
  source   = "./modules/function"
  for_each = local.function_names

  project_id = var.project_id
  region     = var.region
  name       = each.key

  definition = merge(local.functions[each.key], {
    timeoutSeconds = local.timeout_seconds[each.key]
    environment    = local.variables_of[each.key]
    cpu            = coalesce(try(var.function_settings[each.key].cpu, null), local.functions[each.key].cpu)
    memory         = coalesce(try(var.function_settings[each.key].memory, null), local.functions[each.key].memory)
  })

  image                 = local.first_image[each.key]
  min_instances         = coalesce(try(var.function_settings[each.key].min_instances, null), var.min_instances)
  max_instances         = coalesce(try(var.function_settings[each.key].max_instances, null), var.max_instances)
  audience              = local.trigger_audience[each.key]
  trigger_account_email = local.trigger_account_email
  trusted_proxies       = local.functions[each.key].sockets ? local.trusted_proxies.sockets : local.trusted_proxies.rest
  behind_load_balancer  = var.domain != null
  settings              = local.settings
  secret_settings       = local.secret_settings
  network               = local.function_network
  deletion_protection   = var.deletion_protection
  labels                = local.labels

  invokers = local.invokers[each.key]

  resources = {
    registry_database     = module.firestore[local.registry_database].name
    key_ring              = module.kms.tenant_ring
    files_bucket          = module.storage.files_bucket
    checkpoints_bucket    = module.storage.checkpoints_bucket
    signing_key_secret    = module.secrets.names["signing-key"]
    verifying_keys_secret = module.secrets.names["verifying-keys"]
    live_topic            = module.pubsub.live_topic
    model_location        = var.model_location

    roles = {
      for role in ["checkpoint_keeper", "file_keeper", "key_viewer", "live_subscriber", "model_asker", "url_signer"] :
      role => module.project.role_ids["consentmd_${role}"]
    }
  }

  depends_on = [module.project]
}

module "operations" {
  source = "./modules/operations"

  project_id          = var.project_id
  region              = var.region
  name                = local.name_prefix
  image               = local.first_job_image
  key_ring            = module.kms.tenant_ring
  secrets             = { for name in local.key_secrets : name => module.secrets.names[name] }
  buckets             = { files = module.storage.files_bucket, checkpoints = module.storage.checkpoints_bucket }
  network             = local.function_network
  deletion_protection = var.deletion_protection
  labels              = local.labels

  secret_environment = local.issuer_secrets

  roles = {
    for role in ["database_maker", "event_viewer", "key_maker", "object_reader", "secret_renewer"] :
    role => module.project.role_ids["consentmd_${role}"]
  }

  executors = merge(
    { deployer = "serviceAccount:${local.deployer_account_email}" },
    { for member in var.operators : member => member },
  )

  environment = local.job_environment

  depends_on = [module.project]
}
