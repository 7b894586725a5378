data "google_project" "this" {
  project_id = var.project_id
}

resource "google_project_service" "this" {
  for_each = var.services

  project = var.project_id
  service = each.value

  # An API that something else in the project uses stays enabled when this is destroyed.
  disable_on_destroy         = false
  disable_dependent_services = false
}

# A service's agent exists from its first use on. Whoever gives it rights before that, is told that there is no such account.
resource "google_project_service_identity" "this" {
  provider = google-beta
  for_each = var.agents

  project = var.project_id
  service = each.value

  depends_on = [google_project_service.this]
}

# Cloud Storage has an agent of its own kind.
data "google_storage_project_service_account" "this" {
  count = var.storage_agent ? 1 : 0

  project    = var.project_id
  depends_on = [google_project_service.this]
}

resource "google_project_iam_custom_role" "this" {
  for_each = var.roles

  project     = var.project_id
  role_id     = each.key
  title       = each.value.title
  description = each.value.description
  permissions = each.value.permissions
  stage       = "GA"

  depends_on = [google_project_service.this]
}

# Google tells one part after the other that an API is enabled, an agent is there and a role is made. What comes next in the
# plan waits for this module, and so for this.
resource "terraform_data" "settled" {
  input = var.settle_seconds

  triggers_replace = {
    services = sort([for service in google_project_service.this : service.service])
    agents   = sort([for agent in google_project_service_identity.this : agent.service])
    roles    = sort([for role in google_project_iam_custom_role.this : role.role_id])
  }

  provisioner "local-exec" {
    command = "sleep ${self.input}"
  }
}
