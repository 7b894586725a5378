mock_provider "google" {}
mock_provider "google-beta" {}

variables {
  project_id = "clinic-dev"
  name       = "consentmd"
}

run "nothing_but_the_project_unless_asked_for" {
  command = apply

  assert {
    condition     = length(google_firebase_web_app.this) + length(google_firebase_android_app.this) + length(google_firebase_apple_app.this) == 0
    error_message = "Apps are made only where they are named."
  }

  assert {
    condition     = length(google_project_iam_member.sender) == 0
    error_message = "Nobody may send unless a function needs it."
  }

  assert {
    condition     = contains(keys(google_project_service.this), "fcm.googleapis.com") && alltrue([for api in google_project_service.this : !api.disable_on_destroy])
    error_message = "Messages need the API, and others in the project may use it too."
  }
}

run "apps_and_senders_by_name" {
  command = apply

  variables {
    web_app         = true
    android_package = "example.clinic.app"
    apple_bundle    = "example.clinic.app"
    senders         = { messaging = "messaging@clinic-dev.iam.gserviceaccount.com" }
  }

  assert {
    condition     = google_firebase_android_app.this[0].package_name == "example.clinic.app" && google_firebase_apple_app.this[0].bundle_id == "example.clinic.app" && length(google_firebase_web_app.this) == 1
    error_message = "Each named app must be made."
  }

  assert {
    condition     = google_project_iam_member.sender["messaging"].member == "serviceAccount:messaging@clinic-dev.iam.gserviceaccount.com"
    error_message = "The function with the need may send."
  }
}

run "a_package_without_a_dot_fails" {
  command = plan

  variables {
    android_package = "clinic"
  }

  expect_failures = [var.android_package]
}
