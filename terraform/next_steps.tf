# What Terraform cannot do, in words, as far as the variables tell that it is left to do.

locals {
  frontend_url = var.domain == null ? "https://${module.gateway.host}" : "https://${var.domain}"
  socket_url   = var.domain == null ? local.function_uri[local.socket_function] : "https://${var.domain}"

  run_job = "gcloud run jobs execute ${module.operations.job_name} --project ${var.project_id} --region ${var.region} --wait"

  # Each with whether it is to be told.
  steps = [
    {
      told = var.domain != null
      text = "DNS: ${coalesce(var.domain, "-")} needs the A record ${coalesce(one(module.edge[*].address), "-")}. Google issues the certificate minutes to an hour after it sees it; until then the gateway refuses all tokens. `gcloud compute ssl-certificates list --project ${var.project_id}` says how far it is."
    },
    {
      told = length(var.extra_secrets) > 0
      text = "Secrets: give each of ${join(", ", sort(keys(var.extra_secrets)))} its value, or functions do not start: `gcloud secrets versions add NAME --project ${var.project_id} --data-file=-`."
    },
    {
      told = var.github_repository == null
      text = "Deploy: until images are deployed, every service is Google's hello page. `make deploy ENV=${var.environment}` builds and deploys HEAD and makes the signing key; or connect the repository (modules/build/README.md), set github_repository and apply again."
    },
    {
      told = var.github_repository != null
      text = "Deploy: until images are deployed, every service is Google's hello page. Push to ${var.branch}, or `gcloud builds triggers run ${coalesce(module.build.trigger_name, "-")} --project ${var.project_id} --region ${var.region} --branch ${var.branch}`; the pipeline makes the signing key too."
    },
    {
      told = length(var.tenants) == 0
      text = "Tenants: there is none. Add one to `tenants`, or let the job make it: ${local.run_job} --args=admin,create,--tenant,ID,--email,E-MAIL,--name,NAME,--new-tenant,TITLE"
    },
    {
      told = length(var.tenants) > 0
      text = "Tenants: ${join(", ", sort(keys(var.tenants)))} have their databases and keys. Register each with its first administrator, after the deployment: ${local.run_job} --args=admin,create,--tenant,ID,--email,E-MAIL,--name,NAME,--new-tenant,TITLE"
    },
    {
      told = true
      text = "Check: ${local.run_job} --args=doctor"
    },
    {
      told = var.domain != null && var.waf_preview
      text = "WAF: it only logs. After a week look for previewSecurityPolicy in the load balancer's log, then set waf_preview = false."
    },
    {
      told = !var.alert_on_silence
      text = "Alerts: set alert_on_silence = true once images are deployed and there is a tenant."
    },
    {
      told = !var.lock_audit_retention && var.environment == "prod"
      text = "Audit: once everything works, set lock_audit_retention = true, so that nobody can remove a checkpoint for ${var.audit_retention_years} years. It cannot be undone."
    },
    {
      told = !var.enable_firebase
      text = "Push messages to phones are off: accept Firebase's terms at https://console.firebase.google.com, then set enable_firebase = true."
    },
  ]
}

output "next_steps" {
  description = "What is left to do by hand, and how, in its order. What was done already is not known here."
  value       = join("\n", [for number, text in [for step in local.steps : step.text if step.told] : "${number + 1}. ${text}"])
}
