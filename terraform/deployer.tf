# Cloud Build's own account: it pushes images and deploys them, and may do nothing else.

locals {
  # Whoever deploys a service lets it run as the service's account, and so must be allowed to use that.
  deployed_accounts = merge(
    { for name in local.function_names : name => module.function[name].account_name },
    { (local.name_prefix) = module.operations.account_name },
  )
}

resource "google_service_account" "deployer" {
  project      = var.project_id
  account_id   = "deployer"
  display_name = "ConsentMD deployer"
  description  = "Cloud Build builds and deploys as this account."

  depends_on = [module.project]
}

resource "google_project_iam_member" "deployer" {
  for_each = {
    logs     = "roles/logging.logWriter"
    services = "roles/run.developer"
    # What is in an image is noted beside it (infra/deploy/sbom.sh), after its scan was read.
    sbom_notes       = "roles/containeranalysis.notes.editor"
    sbom_occurrences = "roles/containeranalysis.occurrences.editor"
    sbom_bucket      = module.project.role_ids["consentmd_sbom_bucket_maker"]
  }

  project = var.project_id
  role    = each.value
  member  = "serviceAccount:${google_service_account.deployer.email}"
}

# Where a deployment leaves its lock (infra/deploy/lock.sh), so that two never interleave. Nothing else is kept there.
resource "google_storage_bucket" "deployments" {
  project       = var.project_id
  name          = "${var.project_id}-${local.name_prefix}-deployments"
  location      = var.region
  storage_class = "STANDARD"
  labels        = local.labels

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  soft_delete_policy {
    retention_duration_seconds = 0
  }

  depends_on = [module.project]
}

resource "google_storage_bucket_iam_member" "deployer_lock" {
  bucket = google_storage_bucket.deployments.name
  role   = module.project.role_ids["consentmd_file_keeper"]
  member = "serviceAccount:${google_service_account.deployer.email}"
}

# Google asks for storage.admin, which would be all patients' files as well: so it counts for the buckets that gcloud makes for SBOMs.
resource "google_project_iam_member" "deployer_sboms" {
  project = var.project_id
  role    = "roles/storage.admin"
  member  = "serviceAccount:${google_service_account.deployer.email}"

  condition {
    title       = "sbom_buckets_alone"
    description = "The buckets that gcloud artifacts sbom export makes"
    expression  = "resource.name.startsWith(\"projects/_/buckets/artifactanalysis-\")"
  }
}

resource "google_artifact_registry_repository_iam_member" "deployer" {
  project    = var.project_id
  location   = var.region
  repository = module.registry.name
  role       = "roles/artifactregistry.writer"
  member     = "serviceAccount:${google_service_account.deployer.email}"
}

resource "google_service_account_iam_member" "deployer_uses" {
  for_each = local.deployed_accounts

  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:${google_service_account.deployer.email}"
}

# For the smoke tests' tokens.
resource "google_service_account_iam_member" "deployer_tokens" {
  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = "serviceAccount:${google_service_account.deployer.email}"
}
