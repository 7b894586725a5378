# How the root joins gateway, load balancer, push messages, the build and what watches them.

mock_provider "google" {
  override_during = plan

  mock_resource "google_service_account" {
    defaults = {
      email = "account@consentmd-test.iam.gserviceaccount.com"
      name  = "projects/consentmd-test/serviceAccounts/account@consentmd-test.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_cloud_run_v2_service" {
    defaults = {
      uri = "https://service-x.a.run.app"
    }
  }

  mock_resource "google_kms_key_ring" {
    defaults = {
      id = "projects/consentmd-test/locations/us/keyRings/consentmd-tenants"
    }
  }
}

mock_provider "google-beta" {
  override_during = plan

  mock_resource "google_project_service_identity" {
    defaults = {
      email = "service-1@gcp-sa-pubsub.iam.gserviceaccount.com"
    }
  }

  mock_resource "google_api_gateway_gateway" {
    defaults = {
      default_hostname = "consentmd-x.uc.gateway.dev"
    }
  }
}

variables {
  project_id  = "consentmd-test"
  environment = "dev"
}

run "without_a_domain_everybody_is_reached_where_google_put_them" {
  command = plan

  assert {
    condition     = output.dns_record == null && !strcontains(output.next_steps, "A record") && strcontains(output.next_steps, "make deploy ENV=dev")
    error_message = "There is nothing to put into DNS, and images to deploy."
  }

  assert {
    condition     = length(module.edge) == 0
    error_message = "A load balancer costs money by the hour and is for a domain."
  }

  assert {
    condition     = local.jwks_uri == "https://service-x.a.run.app/.well-known/jwks.json" && output.socket_url == "https://service-x.a.run.app" && output.frontend_url == "https://consentmd-x.uc.gateway.dev"
    error_message = "Keys and sockets are at the socket function, REST at the gateway."
  }

  assert {
    condition     = local.uptime_checks["sockets"].host == "service-x.a.run.app" && local.uptime_checks["sockets"].path == "/health/live" && local.uptime_checks["gateway"].host == "consentmd-x.uc.gateway.dev"
    error_message = "Both ways in are tried."
  }
}

run "with_a_domain_there_is_one_url" {
  command = plan

  variables {
    domain = "api.consentmd.example"
  }

  assert {
    condition     = length(module.edge) == 1 && output.frontend_url == "https://api.consentmd.example" && output.socket_url == output.frontend_url
    error_message = "Frontends get one URL."
  }

  assert {
    condition     = output.dns_record.name == "api.consentmd.example" && output.dns_record.type == "A" && startswith(output.next_steps, "1. DNS: api.consentmd.example needs the A record ")
    error_message = "The record is the first thing that is left to do."
  }

  # The socket function's own address is closed then, for the gateway too.
  assert {
    condition     = local.jwks_uri == "https://api.consentmd.example/.well-known/jwks.json"
    error_message = "The gateway must get the keys through the load balancer."
  }

  assert {
    condition     = alltrue([for check in values(local.uptime_checks) : check.host != "service-x.a.run.app"])
    error_message = "What takes nothing from outside cannot be asked from outside."
  }
}

run "what_functions_there_are_is_what_is_watched" {
  command = plan

  assert {
    condition     = length([for name in keys(module.observability.objectives) : name if endswith(name, "-availability")]) == length(local.function_names)
    error_message = "Each function of the code has an objective."
  }

  assert {
    condition     = length([for name in keys(module.observability.objectives) : name if endswith(name, "-latency")]) == length(local.function_names) - length(local.socket_functions)
    error_message = "Each that holds no sockets has one for latency."
  }
}

run "a_repository_is_built_with_what_cloudbuild_yaml_declares" {
  command = plan

  variables {
    github_repository = { owner = "clinic", name = "consentmd" }
  }

  assert {
    condition     = module.build.trigger_name == "consentmd"
    error_message = "A repository has a trigger."
  }

  assert {
    condition     = length(setsubtract(flatten(regexall("\\$\\{(_[A-Z0-9_]+)\\}", file("../cloudbuild.yaml"))), keys(local.build_substitutions))) == 0
    error_message = "cloudbuild.yaml uses a substitution that the trigger does not set."
  }

  assert {
    condition     = toset(keys(local.build_substitutions)) == toset(try(keys(yamldecode(file("../cloudbuild.yaml")).substitutions), keys(local.build_substitutions)))
    error_message = "Where cloudbuild.yaml declares its substitutions, Terraform must name the same ones; Cloud Build refuses one that is not used."
  }
}

run "logs_are_kept_next_to_files" {
  command = plan

  variables {
    storage_location = "NAM4"
  }

  assert {
    condition     = local.logs_location == "US"
    error_message = "BigQuery has no NAM4; US is where it lies."
  }
}
