# Who hears of what, and what happens when.

locals {
  targets = {
    for name in local.function_names : name => {
      uri             = module.function[name].uri
      audience        = local.trigger_audience[name]
      timeout_seconds = local.timeout_seconds[name]
    }
  }

  # The operators' job makes events too: a new tenant's first administrator is written to.
  publishers = merge(
    { for name, function in local.functions : name => module.function[name].account_email if contains(function.needs, "events") },
    { (local.name_prefix) = module.operations.account_email },
  )
}

module "pubsub" {
  source = "./modules/pubsub"

  project_id    = var.project_id
  topics        = local.events.topics
  live_topic    = local.events.liveTopic
  subscriptions = local.events.subscriptions
  targets       = local.targets
  publishers    = local.publishers
  agent_email   = module.project.agent_emails["pubsub.googleapis.com"]
  regions       = var.message_regions
  kms_key       = var.own_storage_keys ? module.kms.storage_keys["messages"] : null
  labels        = local.labels

  push_account = {
    name  = google_service_account.trigger.name
    email = google_service_account.trigger.email
  }

  depends_on = [module.project]
}

module "scheduler" {
  source = "./modules/scheduler"

  project_id    = var.project_id
  region        = var.region
  schedules     = local.events.schedules
  targets       = local.targets
  account_email = local.trigger_account_email

  depends_on = [module.project]
}
