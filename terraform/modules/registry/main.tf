resource "google_artifact_registry_repository" "this" {
  project       = var.project_id
  location      = var.region
  repository_id = var.name
  format        = "DOCKER"
  description   = "One image for each function, tagged by commit."
  labels        = var.labels

  docker_config {
    # A build that is run again pushes its commit's tag again, and caches are tags that move. Deploy by digest where it matters.
    immutable_tags = false
  }

  cleanup_policy_dry_run = false

  # What a keep policy names stays, whatever a delete policy says.
  cleanup_policies {
    id     = "keep-latest"
    action = "KEEP"

    most_recent_versions {
      keep_count = var.keep_versions
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"

    condition {
      tag_state  = "ANY"
      older_than = "${var.keep_days * 86400}s"
    }
  }

  vulnerability_scanning_config {
    enablement_config = var.scan ? "INHERITED" : "DISABLED"
  }
}
