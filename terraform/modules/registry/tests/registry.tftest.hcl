mock_provider "google" {
  override_during = plan
}

variables {
  project_id = "consentmd-test"
  region     = "us-central1"
  name       = "consentmd"
}

run "images_are_named_as_the_pipeline_names_them" {
  command = plan

  assert {
    condition     = output.url == "us-central1-docker.pkg.dev/consentmd-test/consentmd"
    error_message = "The pipeline pushes to REGION-docker.pkg.dev/PROJECT/consentmd."
  }

  assert {
    condition     = !google_artifact_registry_repository.this.docker_config[0].immutable_tags
    error_message = "A build that is run again must be able to push its tag again, and old images must be removable."
  }
}

run "the_latest_images_stay_however_old_they_are" {
  command = plan

  variables {
    keep_versions = 5
    keep_days     = 30
  }

  assert {
    condition = anytrue([
      for policy in google_artifact_registry_repository.this.cleanup_policies :
      policy.action == "KEEP" && try(policy.most_recent_versions[0].keep_count, 0) == 5
    ])
    error_message = "Without a KEEP policy a service that is not deployed for a month loses its image."
  }

  assert {
    condition = anytrue([
      for policy in google_artifact_registry_repository.this.cleanup_policies :
      policy.action == "DELETE" && try(policy.condition[0].older_than, "") == "2592000s"
    ])
    error_message = "30 days are 2592000 s."
  }
}

run "one_image_is_too_few_to_go_back" {
  command = plan

  variables {
    keep_versions = 1
  }

  expect_failures = [var.keep_versions]
}
