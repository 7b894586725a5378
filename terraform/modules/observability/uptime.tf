resource "google_monitoring_uptime_check_config" "this" {
  for_each = var.uptime_checks

  project          = var.project_id
  display_name     = "${var.name} ${each.key}"
  period           = "60s"
  timeout          = "10s"
  selected_regions = ["USA_OREGON", "USA_IOWA", "USA_VIRGINIA"]
  user_labels      = var.labels

  http_check {
    path           = each.value.path
    port           = 443
    request_method = "GET"
    use_ssl        = true
    validate_ssl   = true

    accepted_response_status_codes {
      status_value = each.value.status
    }
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project_id
      host       = each.value.host
    }
  }

  dynamic "content_matchers" {
    for_each = each.value.content == null ? [] : [each.value.content]

    content {
      content = content_matchers.value
      matcher = "CONTAINS_STRING"
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_monitoring_alert_policy" "uptime" {
  for_each = var.uptime_checks

  project               = var.project_id
  display_name          = "${var.name}: ${each.key} is not reached"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = "Two of three places do not reach it"

    condition_threshold {
      filter          = "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND resource.type=\"uptime_url\" AND metric.labels.check_id=\"${google_monitoring_uptime_check_config.this[each.key].uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"

      aggregations {
        alignment_period     = "120s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "https://${each.value.host}${each.value.path} does not answer ${each.value.status} to at least two places. Certificate, DNS, load balancer, gateway, function: `curl -v` tells which. Until the first deployment this is as it should be."
  }

  alert_strategy {
    auto_close = "86400s"
  }
}
