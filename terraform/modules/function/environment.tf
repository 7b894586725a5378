# What a function is told. What belongs to a need goes to those with that need; everything else to those that take it.

locals {
  needed = {
    documents   = { REGISTRY_DATABASE = var.resources.registry_database }
    keys        = { KMS_KEY_RING = var.resources.key_ring }
    events      = {}
    files       = { BLOBS_BUCKET = var.resources.files_bucket }
    checkpoints = { CHECKPOINTS_BUCKET = var.resources.checkpoints_bucket }
    signing     = {}
    live        = {}
    model       = { GEMINI_LOCATION = var.resources.model_location }
  }

  always = {
    PLATFORM                 = "google"
    GOOGLE_CLOUD_PROJECT     = var.project_id
    TRIGGER_AUDIENCE         = var.audience
    TRIGGER_SERVICE_ACCOUNTS = var.trigger_account_email
    TRUSTED_PROXIES          = tostring(var.trusted_proxies)
  }

  # Cloud Run's IAM takes the signature off the tokens that it has checked; a function has to know that it does. Where anyone may
  # call, anyone could write such a token: a service with sockets never gets this.
  guarded = var.definition.sockets ? {} : { IAM_GUARDED = "true" }

  taken = {
    for name, value in var.settings : name => value
    if value != null && name != "IAM_GUARDED" && contains(var.definition.environment, name) && !contains(keys(var.secret_settings), name)
  }

  # An unknown need is refused by the variable's own check, which says more than an error here would.
  environment = merge(
    local.taken,
    merge([for need in var.definition.needs : lookup(local.needed, need, {})]...),
    local.always,
    local.guarded,
  )

  # The private key goes to whom signs; all others check with the public ones.
  key_environment = contains(var.definition.needs, "signing") ? {
    SIGNING_KEY_PEM = var.resources.signing_key_secret
    } : {
    VERIFYING_KEYS_PEM = var.resources.verifying_keys_secret
  }

  secret_environment = merge(
    { for name, secret in var.secret_settings : name => secret if contains(var.definition.environment, name) },
    local.key_environment,
  )
}
