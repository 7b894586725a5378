# A push to the branch is tested, built and deployed by cloudbuild.yaml.

variable "build_approval_required" {
  description = "Whether a person has to approve each build; null: in prod."
  type        = bool
  default     = null
}

locals {
  # The names that cloudbuild.yaml declares. Which functions there are, it reads from terraform/generated/functions.json itself.
  build_substitutions = {
    _REGION     = var.region
    _REPOSITORY = module.registry.name
    _PUBLIC_URL = var.domain == null ? "" : "https://${var.domain}"
    # Where a repository is built, the script asks git.
    _COMMITTED = ""
  }
}

module "build" {
  source = "./modules/build"

  project_id            = var.project_id
  region                = var.region
  name                  = local.name_prefix
  environment           = var.environment
  github_repository     = var.github_repository
  connection            = var.build_connection
  branch                = var.branch
  on_push               = var.deploy_on_push
  approval_required     = var.build_approval_required
  service_account_email = local.deployer_account_email

  substitutions = local.build_substitutions

  depends_on = [module.project]
}

output "build_trigger" {
  description = "The trigger's name, for `gcloud builds triggers run`; null without a repository."
  value       = module.build.trigger_name
}
