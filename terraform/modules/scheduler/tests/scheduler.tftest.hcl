mock_provider "google" {
  override_during = plan
}

variables {
  project_id    = "consentmd-test"
  region        = "us-central1"
  account_email = "triggers@consentmd-test.iam.gserviceaccount.com"

  schedules = {
    audit-seal = {
      function        = "audit"
      cron            = "* * * * *"
      path            = "/triggers/schedules/audit-seal"
      deadlineSeconds = 180
    }
  }

  targets = {
    audit = { uri = "https://audit-x.run.app", audience = "https://audit.consentmd.internal", timeout_seconds = 180 }
  }
}

run "a_schedule_calls_its_path_with_a_token_for_that_function" {
  command = plan

  assert {
    condition = (
      google_cloud_scheduler_job.this["audit-seal"].http_target[0].uri == "https://audit-x.run.app/triggers/schedules/audit-seal" &&
      google_cloud_scheduler_job.this["audit-seal"].http_target[0].http_method == "POST" &&
      google_cloud_scheduler_job.this["audit-seal"].http_target[0].oidc_token[0].audience == "https://audit.consentmd.internal" &&
      google_cloud_scheduler_job.this["audit-seal"].http_target[0].oidc_token[0].service_account_email == var.account_email
    )
    error_message = "Scheduler posts to the function's path, with a token for it."
  }

  assert {
    condition = (
      google_cloud_scheduler_job.this["audit-seal"].attempt_deadline == "180s" &&
      google_cloud_scheduler_job.this["audit-seal"].time_zone == "Etc/UTC" &&
      google_cloud_scheduler_job.this["audit-seal"].schedule == "* * * * *"
    )
    error_message = "Times are as the code says, in UTC."
  }
}

run "a_deadline_longer_than_the_function_may_take_is_refused" {
  command = plan

  variables {
    targets = {
      audit = { uri = "https://audit-x.run.app", audience = "https://audit.consentmd.internal", timeout_seconds = 60 }
    }
  }

  expect_failures = [var.targets]
}

run "a_deadline_that_scheduler_does_not_know_is_refused" {
  command = plan

  variables {
    schedules = {
      audit-seal = { function = "audit", cron = "* * * * *", path = "/x", deadlineSeconds = 3600 }
    }
    targets = {
      audit = { uri = "https://audit-x.run.app", audience = "https://audit.consentmd.internal", timeout_seconds = 3600 }
    }
  }

  expect_failures = [var.schedules]
}
