# The project itself: its APIs, its service agents, roles that Google has none of, and how functions reach the outside.

locals {
  services = toset([
    "aiplatform.googleapis.com",
    "apigateway.googleapis.com",
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudkms.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "compute.googleapis.com",
    "containeranalysis.googleapis.com",
    "containerscanning.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "servicecontrol.googleapis.com",
    "servicemanagement.googleapis.com",
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
  ])

  network_egress = {
    private = "PRIVATE_RANGES_ONLY"
    all     = "ALL_TRAFFIC"
  }

  function_network = var.network_egress == "direct" ? null : {
    network    = module.network[0].network
    subnetwork = module.network[0].subnetwork
    egress     = local.network_egress[var.network_egress]
  }
}

module "project" {
  source = "./modules/project"

  project_id    = var.project_id
  services      = local.services
  agents        = concat(["cloudscheduler.googleapis.com", "pubsub.googleapis.com"], var.own_storage_keys ? ["firestore.googleapis.com"] : [])
  storage_agent = var.own_storage_keys

  roles = local.custom_roles
}

resource "google_project_iam_audit_config" "this" {
  for_each = var.data_access_logs

  project = var.project_id
  service = each.value

  dynamic "audit_log_config" {
    for_each = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]

    content {
      log_type = audit_log_config.value
    }
  }

  depends_on = [module.project]
}

module "network" {
  source = "./modules/network"
  count  = var.network_egress == "direct" ? 0 : 1

  project_id    = var.project_id
  region        = var.region
  name          = local.name_prefix
  fixed_address = var.network_egress == "all"
  labels        = local.labels

  depends_on = [module.project]
}

module "registry" {
  source = "./modules/registry"

  project_id = var.project_id
  region     = var.region
  name       = local.name_prefix
  labels     = local.labels

  depends_on = [module.project]
}
