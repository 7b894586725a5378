locals {
  # Cloud Run starts no service whose secret has no version. This one is no secret, and everybody knows it: so it is shorter than
  # the 32 bytes that programs want of a shared secret, or tokens under it would count. The operators' job knows it by these words.
  not_made_yet = "not made yet"
}

resource "google_secret_manager_secret" "this" {
  for_each = var.names

  project   = var.project_id
  secret_id = each.value
  labels    = var.labels

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
