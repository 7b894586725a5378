locals {
  member = "serviceAccount:${google_service_account.this.email}"
}

resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = "operations"
  display_name = "ConsentMD operations"
  description  = "Runs the operators' job: tenants, keys, checks."
}

resource "google_project_iam_member" "this" {
  for_each = {
    # Reads and writes documents: tenants, accounts, data keys, the audit log.
    documents = "roles/datastore.user"
    # Makes databases for new tenants, with their indexes and backups.
    databases = var.roles.database_maker
    # Tells whether a topic or a subscription is missing.
    events = var.roles.event_viewer
  }

  project = var.project_id
  role    = each.value
  member  = local.member
}

resource "google_kms_key_ring_iam_member" "this" {
  for_each = {
    make = var.roles.key_maker
    use  = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  }

  key_ring_id = var.key_ring
  role        = each.value
  member      = local.member
}

# Makes, renews and retires the signing keys.
resource "google_secret_manager_secret_iam_member" "renew" {
  for_each = var.secrets

  project   = var.project_id
  secret_id = each.value
  role      = var.roles.secret_renewer
  member    = local.member
}

# What the configuration wants of secrets of your own.
resource "google_secret_manager_secret_iam_member" "read" {
  for_each = var.secret_environment

  project   = var.project_id
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member
}

resource "google_storage_bucket_iam_member" "read" {
  for_each = var.buckets

  bucket = each.value
  role   = var.roles.object_reader
  member = local.member
}

# New rights take up to a minute until every part of Google knows them, and a job whose secret it may not read is refused.
resource "terraform_data" "settled" {
  input            = length(var.secret_environment) == 0 ? 0 : var.settle_seconds
  triggers_replace = { for name, member in google_secret_manager_secret_iam_member.read : name => member.secret_id }

  provisioner "local-exec" {
    command = "sleep ${self.input}"
  }
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

      # A new tenant's database takes up to 45 minutes until the program gives up waiting.
      timeout = "3600s"

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
          # The one folder that can be written, should the program want one; else it would be a folder of its read-only image.
          for_each = merge({ DATA_DIR = "/tmp" }, var.environment)

          content {
            name  = env.key
            value = env.value
          }
        }

        dynamic "env" {
          for_each = var.secret_environment

          content {
            name = env.key

            value_source {
              secret_key_ref {
                secret  = env.value
                version = "latest"
              }
            }
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

  depends_on = [terraform_data.settled]
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
