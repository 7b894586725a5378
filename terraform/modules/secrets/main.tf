locals {
  # Cloud Run starts no service whose secret has no version. This one is no secret; programs refuse it and say what to do.
  not_made_yet = "This secret is not made yet. See terraform/modules/secrets/README.md."
}

resource "google_secret_manager_secret" "this" {
  for_each = var.names

  project   = var.project_id
  secret_id = each.value
  labels    = var.labels

  # A version that someone destroys can be brought back for 7 days.
  version_destroy_ttl = "604800s"

  replication {
    user_managed {
      dynamic "replicas" {
        for_each = var.regions

        content {
          location = replicas.value
        }
      }
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Real versions come from the operators' job and from people, never from Terraform, so that no state file has one.
resource "google_secret_manager_secret_version" "not_made_yet" {
  for_each = var.names

  secret                 = google_secret_manager_secret.this[each.value].id
  secret_data_wo         = local.not_made_yet
  secret_data_wo_version = 1
  deletion_policy        = "ABANDON"

  lifecycle {
    ignore_changes = all
  }
}
