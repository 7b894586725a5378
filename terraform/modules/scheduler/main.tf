resource "google_cloud_scheduler_job" "this" {
  for_each = var.schedules

  project          = var.project_id
  region           = var.region
  name             = each.key
  description      = "Calls ${each.value.path} of ${each.value.function}."
  schedule         = each.value.cron
  time_zone        = "Etc/UTC"
  attempt_deadline = "${each.value.deadlineSeconds}s"

  http_target {
    http_method = "POST"
    uri         = "${var.targets[each.value.function].uri}${each.value.path}"

    oidc_token {
      service_account_email = var.account_email
      audience              = var.targets[each.value.function].audience
    }
  }

  # What fails is tried again; what comes every minute comes again anyway.
  retry_config {
    retry_count          = 3
    min_backoff_duration = "10s"
    max_backoff_duration = "60s"
    max_doublings        = 2
  }
}
