# What people and pipelines ask for after an apply. `terraform output next_steps` says what is left to do.

output "frontend_url" {
  description = "The one address that frontends call: the domain, or the gateway's own host."
  value       = local.frontend_url
}

output "socket_url" {
  description = "Where WebSockets (/ws) and Socket.IO (/socket.io) are: the domain too, or the socket function's own host."
  value       = local.socket_url
}

output "dns_record" {
  description = "What to put into DNS; null without a domain."
  value       = var.domain == null ? null : { name = var.domain, type = "A", ttl = 300, value = module.edge[0].address }
}

output "function_uris" {
  description = "Where each function's service answers; the gateway and the load balancer stand before them."
  value       = local.function_uri
}

output "repository_url" {
  description = "Where images are pushed to."
  value       = local.repository_url
}

output "operations_job" {
  description = "The operators' job: gcloud run jobs execute JOB --region REGION --args admin,tenants"
  value       = module.operations.job_name
}

output "databases" {
  description = "The databases that are ready, with the prefixes of the tenants that share one."
  value       = { for name, database in module.firestore : database.ready => local.database_prefixes[name] }
}

output "key_ring" {
  description = "The ring of the tenants' keys."
  value       = module.kms.tenant_ring
}

output "files_bucket" {
  description = "The bucket with files."
  value       = module.storage.files_bucket
}

output "checkpoints_bucket" {
  description = "The bucket with audit checkpoints."
  value       = module.storage.checkpoints_bucket
}

output "dead_letter_subscriptions" {
  description = "The subscription with each function's dead letters."
  value       = module.pubsub.dead_letter_subscriptions
}

output "accounts" {
  description = "The e-mails of the accounts that call and deploy."
  value = {
    gateway  = local.gateway_account_email
    triggers = local.trigger_account_email
    deployer = local.deployer_account_email
  }
}

output "outward_address" {
  description = "The address that others see when functions call them; null where it is not fixed."
  value       = one(module.network[*].outward_address)
}
