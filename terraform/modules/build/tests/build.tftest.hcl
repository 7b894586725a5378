mock_provider "google" {}

variables {
  project_id            = "clinic-dev"
  region                = "us-central1"
  name                  = "consentmd"
  environment           = "dev"
  service_account_email = "deployer@clinic-dev.iam.gserviceaccount.com"
  substitutions         = { _REGION = "us-central1", _PUBLIC_URL = "https://api.clinic.example" }
}

run "no_repository_no_trigger" {
  command = apply

  assert {
    condition     = length(google_cloudbuild_trigger.main) == 0 && length(google_cloudbuildv2_repository.this) == 0 && output.trigger_id == null
    error_message = "Without a repository there is nothing to build."
  }
}

run "a_connected_repository" {
  command = apply

  variables {
    github_repository = { owner = "clinic", name = "consentmd" }
    connection        = "projects/clinic-dev/locations/us-central1/connections/github"
    branch            = "release-1.2"
  }

  assert {
    condition     = google_cloudbuildv2_repository.this[0].remote_uri == "https://github.com/clinic/consentmd.git"
    error_message = "The connection must be told the repository."
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].repository_event_config[0].repository == google_cloudbuildv2_repository.this[0].id && google_cloudbuild_trigger.main[0].repository_event_config[0].push[0].branch == "^release-1\\.2$"
    error_message = "A push to the branch, and to no other with a like name, must be built."
  }

  assert {
    condition     = length(google_cloudbuild_trigger.main[0].github) == 0 && length(google_cloudbuild_trigger.main[0].source_to_build) == 0
    error_message = "A trigger has one source."
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].filename == "cloudbuild.yaml" && google_cloudbuild_trigger.main[0].substitutions["_PUBLIC_URL"] == "https://api.clinic.example"
    error_message = "It runs the repository's cloudbuild.yaml with the given substitutions."
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].service_account == "projects/clinic-dev/serviceAccounts/deployer@clinic-dev.iam.gserviceaccount.com"
    error_message = "It runs as the deployer."
  }

  assert {
    condition     = !google_cloudbuild_trigger.main[0].approval_config[0].approval_required
    error_message = "Nobody has to approve in dev."
  }
}

run "by_the_github_app_in_prod_waits_for_a_person" {
  command = apply

  variables {
    environment       = "prod"
    github_repository = { owner = "clinic", name = "consentmd" }
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].github[0].owner == "clinic" && google_cloudbuild_trigger.main[0].github[0].push[0].branch == "^main$" && length(google_cloudbuild_trigger.main[0].repository_event_config) == 0
    error_message = "A push to main on GitHub must be built."
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].approval_config[0].approval_required
    error_message = "In prod a person approves."
  }
}

run "by_hand" {
  command = apply

  variables {
    github_repository = { owner = "clinic", name = "consentmd" }
    on_push           = false
  }

  assert {
    condition     = length(google_cloudbuild_trigger.main[0].github) + length(google_cloudbuild_trigger.main[0].repository_event_config) == 0
    error_message = "No push may start it."
  }

  assert {
    condition     = google_cloudbuild_trigger.main[0].source_to_build[0].ref == "refs/heads/main" && google_cloudbuild_trigger.main[0].git_file_source[0].path == "cloudbuild.yaml" && google_cloudbuild_trigger.main[0].source_to_build[0].uri == "https://github.com/clinic/consentmd"
    error_message = "It must say what to build."
  }
}

run "prod_without_approval_if_it_says_so" {
  command = apply

  variables {
    environment       = "prod"
    approval_required = false
    github_repository = { owner = "clinic", name = "consentmd" }
  }

  assert {
    condition     = !google_cloudbuild_trigger.main[0].approval_config[0].approval_required
    error_message = "An explicit false is no null."
  }
}

run "a_connection_in_another_region_fails" {
  command = plan

  variables {
    github_repository = { owner = "clinic", name = "consentmd" }
    connection        = "projects/clinic-dev/locations/us-east1/connections/github"
  }

  expect_failures = [var.connection]
}

run "a_substitution_without_an_underscore_fails" {
  command = plan

  variables {
    substitutions = { REGION = "us-central1" }
  }

  expect_failures = [var.substitutions]
}
