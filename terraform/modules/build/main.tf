locals {
  repository_url = try("https://github.com/${var.github_repository.owner}/${var.github_repository.name}", null)

  # Triggers take a pattern; a point in a branch's name is a point.
  branch_pattern = "^${replace(var.branch, ".", "\\.")}$"

  connected = var.github_repository != null && var.connection != null
  by_app    = var.github_repository != null && var.connection == null
}

resource "google_cloudbuildv2_repository" "this" {
  count = local.connected ? 1 : 0

  project           = var.project_id
  location          = var.region
  name              = var.github_repository.name
  parent_connection = var.connection
  remote_uri        = "${local.repository_url}.git"
}

resource "google_cloudbuild_trigger" "main" {
  count = var.github_repository == null ? 0 : 1

  project     = var.project_id
  location    = var.region
  name        = var.name
  description = "Tests, builds and deploys ${var.branch} to ${var.environment}"

  filename        = var.on_push ? "cloudbuild.yaml" : null
  service_account = "projects/${var.project_id}/serviceAccounts/${var.service_account_email}"
  substitutions   = var.substitutions

  dynamic "repository_event_config" {
    for_each = var.on_push && local.connected ? [true] : []

    content {
      repository = google_cloudbuildv2_repository.this[0].id
      push {
        branch = local.branch_pattern
      }
    }
  }

  dynamic "github" {
    for_each = var.on_push && local.by_app ? [true] : []

    content {
      owner = var.github_repository.owner
      name  = var.github_repository.name
      push {
        branch = local.branch_pattern
      }
    }
  }

  # A trigger without an event is told what to build.
  dynamic "source_to_build" {
    for_each = var.on_push ? [] : [true]

    content {
      repository = one(google_cloudbuildv2_repository.this[*].id)
      uri        = local.by_app ? local.repository_url : null
      ref        = "refs/heads/${var.branch}"
      repo_type  = "GITHUB"
    }
  }

  dynamic "git_file_source" {
    for_each = var.on_push ? [] : [true]

    content {
      path       = "cloudbuild.yaml"
      repository = one(google_cloudbuildv2_repository.this[*].id)
      uri        = local.by_app ? local.repository_url : null
      revision   = "refs/heads/${var.branch}"
      repo_type  = "GITHUB"
    }
  }

  approval_config {
    approval_required = coalesce(var.approval_required, var.environment == "prod")
  }
}
