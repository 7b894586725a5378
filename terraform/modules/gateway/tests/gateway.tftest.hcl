mock_provider "google-beta" {}

variables {
  project_id = "clinic-dev"
  region     = "us-central1"
  name       = "consentmd"
  document   = file("tests/documents/two_functions.json")
  backends = {
    chats    = "https://chats-abc-uc.a.run.app"
    identity = "https://identity-abc-uc.a.run.app"
    realtime = "https://realtime-abc-uc.a.run.app"
  }
  jwks_uri              = "https://api.clinic.example/.well-known/jwks.json"
  service_account_email = "gateway@clinic-dev.iam.gserviceaccount.com"
}

run "placeholders_get_their_values" {
  command = apply

  assert {
    condition = base64decode(google_api_gateway_api_config.this.openapi_documents[0].document[0].contents) == replace(replace(replace(
      file("tests/documents/two_functions.json"),
      "__BACKEND_chats__", "https://chats-abc-uc.a.run.app"),
      "__BACKEND_identity__", "https://identity-abc-uc.a.run.app"),
    "__JWKS_URI__", "https://api.clinic.example/.well-known/jwks.json")
    error_message = "Everything but the placeholders must stay as it was, underscores too."
  }

  assert {
    condition     = jsondecode(base64decode(google_api_gateway_api_config.this.openapi_documents[0].document[0].contents)).paths["/api/v1/chats"].get.operationId == "list__chats"
    error_message = "Two underscores in a name are no placeholder."
  }

  assert {
    condition     = can(regex("^consentmd-[0-9a-f]{12}$", output.config_id))
    error_message = "The configuration's name must end with its contents' hash."
  }

  assert {
    condition     = google_api_gateway_api_config.this.gateway_config[0].backend_config[0].google_service_account == "gateway@clinic-dev.iam.gserviceaccount.com"
    error_message = "The gateway must call functions as the given account."
  }
}

run "another_address_is_another_configuration" {
  command = apply

  variables {
    jwks_uri = "https://other.example/.well-known/jwks.json"
  }

  assert {
    condition     = output.config_id != run.placeholders_get_their_values.config_id
    error_message = "A changed document needs a new configuration; the same name would be refused."
  }
}

run "another_account_is_another_configuration" {
  command = apply

  variables {
    service_account_email = "other@clinic-dev.iam.gserviceaccount.com"
  }

  assert {
    condition     = output.config_id != run.placeholders_get_their_values.config_id
    error_message = "A configuration's account cannot change either."
  }
}

run "a_backend_that_is_not_deployed_fails" {
  command = plan

  variables {
    backends = { chats = "https://chats-abc-uc.a.run.app" }
  }

  expect_failures = [var.document]
}

run "an_unknown_placeholder_fails" {
  command = plan

  variables {
    document = replace(file("tests/documents/two_functions.json"), "\"ConsentMD\"", "\"__GATEWAY_HOST__\"")
  }

  expect_failures = [var.document]
}

run "openapi_2_fails" {
  command = plan

  variables {
    document = jsonencode({ swagger = "2.0" })
  }

  expect_failures = [var.document]
}

run "a_region_without_api_gateway_fails" {
  command = plan

  variables {
    region = "us-south1"
  }

  expect_failures = [var.region]
}
