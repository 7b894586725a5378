# What is kept: documents, files, audit checkpoints, keys and secrets.

locals {
  registry_database = "(default)"

  # Who lives in which database: a tenant has one of its own that is called as the tenant is, unless it shares one.
  tenant_database = { for id, tenant in var.tenants : id => coalesce(tenant.database, id) }

  database_prefixes = {
    for database in toset(concat([local.registry_database], values(local.tenant_database))) :
    database => toset([for id, tenant in var.tenants : tenant.prefix if local.tenant_database[id] == database])
  }

  key_secrets = ["signing-key", "verifying-keys"]

  storage_agents = var.own_storage_keys ? {
    documents = "serviceAccount:${module.project.agent_emails["firestore.googleapis.com"]}"
    files     = "serviceAccount:${module.project.storage_agent_email}"
    messages  = "serviceAccount:${module.project.agent_emails["pubsub.googleapis.com"]}"
  } : {}
}

module "kms" {
  source = "./modules/kms"

  project_id       = var.project_id
  location         = var.kms_location
  name_prefix      = local.name_prefix
  tenants          = keys(var.tenants)
  storage_agents   = local.storage_agents
  protection_level = var.key_protection_level
  labels           = local.labels

  depends_on = [module.project]
}

module "secrets" {
  source = "./modules/secrets"

  project_id = var.project_id
  names      = concat(local.key_secrets, keys(var.extra_secrets))
  regions    = var.secret_regions
  labels     = local.labels

  depends_on = [module.project]
}

module "firestore" {
  source   = "./modules/firestore"
  for_each = local.database_prefixes

  project_id  = var.project_id
  name        = each.key
  location    = var.firestore_location
  prefixes    = each.value
  definitions = local.firestore
  kms_key     = var.own_storage_keys ? module.kms.storage_keys["documents"] : null

  depends_on = [module.project]
}

module "storage" {
  source = "./modules/storage"

  project_id            = var.project_id
  name_prefix           = local.name_prefix
  location              = var.storage_location
  allowed_origins       = var.allowed_origins
  kms_key               = var.own_storage_keys ? module.kms.storage_keys["files"] : null
  audit_retention_years = var.audit_retention_years
  lock_audit_retention  = var.lock_audit_retention
  labels                = local.labels

  depends_on = [module.project]
}
