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

run "tokens_of_outside_issuers_are_taken_beside_ours" {
  command = apply

  variables {
    outside_issuers = [
      { issuer = "https://id.example/realms/care", audience = "consentmd", jwks_uri = "https://id.example/certs" },
      { issuer = "https://securetoken.google.com/p", audience = "p", jwks_uri = "https://www.googleapis.com/jwk" },
    ]
  }

  assert {
    condition     = jsondecode(local.document).security == [{ consentmd = [] }, { outside-0 = [] }, { outside-1 = [] }]
    error_message = "Any one of the schemes is enough."
  }

  assert {
    condition     = jsondecode(local.document).components.securitySchemes["outside-0"]["x-google-auth"] == { issuer = "https://id.example/realms/care", audiences = ["consentmd"], jwksUri = "https://id.example/certs" }
    error_message = "Each issuer is checked by its own keys, for its own audience."
  }

  assert {
    condition     = jsondecode(local.document).components.securitySchemes.consentmd == jsondecode(local.filled_in).components.securitySchemes.consentmd && jsondecode(local.document).paths == jsondecode(local.filled_in).paths
    error_message = "Our own scheme and all paths stay as they were."
  }

  assert {
    condition     = output.config_id != run.placeholders_get_their_values.config_id
    error_message = "It is another configuration."
  }
}

run "a_shared_secret_leaves_checking_to_the_functions" {
  command = apply

  variables {
    outside_issuers = [
      { issuer = "https://laravel.example" },
      { issuer = "https://id.example/realms/care", audience = "consentmd", jwks_uri = "https://id.example/certs" },
    ]
  }

  assert {
    condition     = length(jsondecode(local.document).security) == 0 && keys(jsondecode(local.document).components.securitySchemes) == ["consentmd"]
    error_message = "The gateway cannot check such a token, and must not refuse it."
  }
}

run "published_keys_without_an_audience_fail" {
  command = plan

  variables {
    outside_issuers = [{ issuer = "https://id.example", jwks_uri = "https://id.example/certs" }]
  }

  expect_failures = [var.outside_issuers]
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
