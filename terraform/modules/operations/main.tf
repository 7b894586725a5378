locals {
  member = "serviceAccount:${google_service_account.this.email}"
}

resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = "operations"
  display_name = "ConsentMD operations"
  description  = "Runs the operators' job: tenants, keys, checks."
}

# Makes databases for new tenants, with their indexes.
resource "google_project_iam_member" "documents" {
  project = var.project_id
  role    = "roles/datastore.owner"
  member  = local.member
}

resource "google_kms_key_ring_iam_member" "this" {
  for_each = {
    make = var.key_maker_role
    use  = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  }

  key_ring_id = var.key_ring
  role        = each.value
  member      = local.member
}

resource "google_secret_manager_secret_iam_member" "read" {
  for_each = var.secrets

  project   = var.project_id
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member
}

resource "google_secret_manager_secret_iam_member" "add" {
  for_each = var.secrets

  project   = var.project_id
  secret_id = each.value
  role      = "roles/secretmanager.secretVersionAdder"
  member    = local.member
}

resource "google_storage_bucket_iam_member" "read" {
  for_each = var.buckets

  bucket = each.value
  role   = "roles/storage.objectViewer"
  member = local.member
}

resource "google_cloud_run_v2_job" "this" {
  project             = var.project_id
  location            = var.region
  name                = var.name
  labels              = var.labels
  deletion_protection = var.deletion_protection
  launch_stage        = "GA"

  template {
    task_count  = 1
    parallelism = 1
    labels      = var.labels

    template {
      service_account       = google_service_account.this.email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = "3600s"

      # What failed is looked at by whoever ran it, and run again by hand.
      max_retries = 0

      dynamic "vpc_access" {
        for_each = var.network == null ? [] : [var.network]

        content {
          egress = vpc_access.value.egress

          network_interfaces {
            network    = vpc_access.value.network
            subnetwork = vpc_access.value.subnetwork
          }
        }
      }

      containers {
        image = var.image

        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }

        dynamic "env" {
          for_each = var.environment

          content {
            name  = env.key
            value = env.value
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [
      client,
      client_version,
      template[0].annotations,
      template[0].template[0].containers[0].args,
      template[0].template[0].containers[0].image,
      template[0].template[0].containers[0].name,
    ]
  }
}

# Arguments are overrides of the job's own.
resource "google_cloud_run_v2_job_iam_member" "executor" {
  for_each = var.executors

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_job.this.name
  role     = "roles/run.jobsExecutorWithOverrides"
  member   = each.value
}

# To see how an execution went.
resource "google_cloud_run_v2_job_iam_member" "viewer" {
  for_each = var.executors

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_job.this.name
  role     = "roles/run.viewer"
  member   = each.value
}
