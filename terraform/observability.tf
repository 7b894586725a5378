# Logs that are kept, who is told when something is wrong, and the dashboard.

variable "alert_on_silence" {
  description = "Whether it is told when the code has not logged the ages of outbox and audit log for half an hour. Say true after the first deployment, once there is a tenant."
  type        = bool
  default     = false
}

variable "monthly_budget" {
  description = "Tells of costs at 50, 90 and 100 percent: the billing account's id and an amount a month; null: no budget."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string, "USD")
  })
  default = null
}

locals {
  # Next to the files, as far as BigQuery knows the place.
  logs_location = lookup(
    { US = "US", NAM4 = "US", EU = "EU", EUR4 = "EU" },
    var.storage_location,
    strcontains(var.storage_location, "-") ? lower(var.storage_location) : var.region
  )

  # The public keys are the one thing that anybody may get: from the gateway (which asks a function for them, so that the whole
  # way is tried), and from the socket function.
  public_keys = { path = "/.well-known/jwks.json", status = 200, content = "\"keys\"" }

  uptime_checks = merge(
    { gateway = merge(local.public_keys, { host = module.gateway.host }) },
    var.domain == null ? {
      sockets = { host = trimprefix(local.function_uri[local.socket_function], "https://"), path = "/health/live", status = 200, content = null }
      } : {
      domain-sockets = merge(local.public_keys, { host = var.domain })
      # On the domain that path is the socket function's; the gateway's own refusal shows that the way to it works.
      domain-rest = { host = var.domain, path = "/api/v1/users/me", status = 401, content = null }
    },
  )
}

module "observability" {
  source = "./modules/observability"

  project_id     = var.project_id
  project_number = module.project.number
  region         = var.region
  name           = local.name_prefix
  labels         = local.labels

  functions                 = { for name, function in local.functions : name => { service_name = local.function_service_name[name], sockets = function.sockets } }
  subscriptions             = module.pubsub.subscriptions
  dead_letter_subscriptions = values(module.pubsub.dead_letter_subscriptions)
  uptime_checks             = local.uptime_checks

  alert_emails              = var.alert_emails
  alert_on_silence          = var.alert_on_silence
  monthly_budget            = var.monthly_budget
  access_log_retention_days = var.access_log_retention_days

  document_access_exempt = contains(var.data_access_logs, "datastore.googleapis.com") ? null : concat(
    [for name in sort(local.function_names) : module.function[name].account_email],
    [module.operations.account_email],
  )

  dataset_location = local.logs_location

  depends_on = [module.project]
}

output "dashboard" {
  description = "The dashboard in the console."
  value       = "https://console.cloud.google.com/monitoring/dashboards/builder/${reverse(split("/", module.observability.dashboard_id))[0]}?project=${var.project_id}"
}

output "log_datasets" {
  description = "The BigQuery datasets with audit and access logs."
  value       = module.observability.log_datasets
}
