locals {
  apis = ["firebase.googleapis.com", "fcm.googleapis.com", "fcmregistrations.googleapis.com", "firebaseinstallations.googleapis.com"]
}

resource "google_project_service" "this" {
  for_each = toset(local.apis)

  project            = var.project_id
  service            = each.value
  disable_on_destroy = false
}

# A project stays a Firebase project for good: destroying this only forgets it.
resource "google_firebase_project" "this" {
  provider = google-beta

  project    = var.project_id
  depends_on = [google_project_service.this]
}

resource "google_firebase_web_app" "this" {
  count    = var.web_app ? 1 : 0
  provider = google-beta

  project      = google_firebase_project.this.project
  display_name = "${var.name} web"
}

resource "google_firebase_android_app" "this" {
  count    = var.android_package == null ? 0 : 1
  provider = google-beta

  project      = google_firebase_project.this.project
  display_name = "${var.name} Android"
  package_name = var.android_package
}

resource "google_firebase_apple_app" "this" {
  count    = var.apple_bundle == null ? 0 : 1
  provider = google-beta

  project      = google_firebase_project.this.project
  display_name = "${var.name} iOS"
  bundle_id    = var.apple_bundle
}

# The smallest predefined role with cloudmessaging.messages.create.
resource "google_project_iam_member" "sender" {
  for_each = var.senders

  project = var.project_id
  role    = "roles/firebasecloudmessaging.admin"
  member  = "serviceAccount:${each.value}"
}
