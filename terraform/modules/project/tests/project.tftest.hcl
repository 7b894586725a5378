mock_provider "google" {
  override_during = plan
}

mock_provider "google-beta" {
  override_during = plan
}

variables {
  project_id = "consentmd-test"
  services   = ["run.googleapis.com", "pubsub.googleapis.com"]
  agents     = ["pubsub.googleapis.com"]
  roles = {
    consentmd_url_signer = {
      title       = "Signs addresses"
      description = "Signs addresses of files."
      permissions = ["iam.serviceAccounts.signBlob"]
    }
  }
}

run "apis_outlive_this_configuration" {
  command = plan

  assert {
    condition     = length(google_project_service.this) == 2
    error_message = "Each API is enabled once."
  }

  assert {
    condition     = alltrue([for service in google_project_service.this : !service.disable_on_destroy])
    error_message = "Destroying this must not switch off what others in the project use."
  }
}

run "agents_are_made_for_the_apis_that_need_one" {
  command = plan

  assert {
    condition     = toset(keys(google_project_service_identity.this)) == toset(["pubsub.googleapis.com"])
    error_message = "Only Pub/Sub's agent was asked for."
  }
}

run "a_role_allows_what_it_says_and_nothing_else" {
  command = plan

  assert {
    condition     = google_project_iam_custom_role.this["consentmd_url_signer"].permissions == toset(["iam.serviceAccounts.signBlob"])
    error_message = "The role's permissions are those that were asked for."
  }
}

run "an_agent_wants_its_api" {
  command = plan

  variables {
    agents = ["firestore.googleapis.com"]
  }

  expect_failures = [var.agents]
}
