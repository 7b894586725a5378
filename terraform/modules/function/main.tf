locals {
  labels = merge(var.labels, { function = var.name })
}

resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = "fn-${var.name}"
  display_name = "ConsentMD function ${var.name}"
  description  = "Runs ${var.name}; may do what the function's code says that it needs."
}

# New rights take up to a minute until every part of Google knows them, and a revision that may not read its secrets is refused.
resource "terraform_data" "settled" {
  input            = var.settle_seconds
  triggers_replace = { for name, member in google_secret_manager_secret_iam_member.this : name => member.secret_id }

  provisioner "local-exec" {
    command = "sleep ${self.input}"
  }
}

resource "google_cloud_run_v2_service" "this" {
  project             = var.project_id
  location            = var.region
  name                = var.name
  labels              = local.labels
  custom_audiences    = [var.audience]
  deletion_protection = var.deletion_protection
  launch_stage        = "GA"

  # Browsers cannot show Google an identity when they open a socket: such a service checks its callers itself. All others
  # are called by the invokers alone.
  invoker_iam_disabled = var.definition.sockets
  ingress              = var.definition.sockets && var.behind_load_balancer ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_ALL"

  # For the service and not for each revision: one that only a tag points to keeps no instances.
  scaling {
    min_instance_count = var.min_instances
  }

  template {
    service_account                  = google_service_account.this.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = var.definition.concurrency
    timeout                          = "${var.definition.timeoutSeconds}s"
    session_affinity                 = var.definition.sockets
    labels                           = local.labels

    scaling {
      max_instance_count = var.max_instances
    }

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

      # HTTP/1: sockets are upgrades of it, and everything else is small.
      ports {
        name           = "http1"
        container_port = 8080
      }

      # A socket lives between requests, so that its instance is paid for by the time that it runs; the others by request.
      resources {
        limits            = { cpu = var.definition.cpu, memory = var.definition.memory }
        cpu_idle          = !var.definition.sockets
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 60

        http_get {
          path = "/health/live"
          port = 8080
        }
      }

      liveness_probe {
        initial_delay_seconds = 10
        period_seconds        = 30
        timeout_seconds       = 5
        failure_threshold     = 3

        http_get {
          path = "/health/live"
          port = 8080
        }
      }

      dynamic "env" {
        for_each = local.environment

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.secret_environment

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

  lifecycle {
    # The pipeline deploys: it says which image serves, and to whom.
    ignore_changes = [
      client,
      client_version,
      template[0].containers[0].image,
      template[0].containers[0].name,
      template[0].annotations,
      template[0].labels,
      traffic,
    ]
  }

  depends_on = [
    google_kms_key_ring_iam_member.this,
    google_project_iam_member.this,
    google_pubsub_topic_iam_member.live,
    google_storage_bucket_iam_member.this,
    terraform_data.settled,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.definition.sockets ? {} : var.invokers

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_service.this.name
  role     = "roles/run.invoker"
  member   = each.value
}
