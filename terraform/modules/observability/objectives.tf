# Two objectives for each function: it answers, and it answers quickly. A new function gets them without an edit.

locals {
  answering_quickly = { for name, function in var.functions : name => function if !function.sockets }

  objectives = merge(
    { for name, function in var.functions : "${name}-availability" => {
      function = name
      title    = "${name}: answers without a server error"
    } },
    { for name, function in local.answering_quickly : "${name}-latency" => {
      function = name
      title    = "${name}: answers clients within ${var.latency_ms} ms"
    } },
  )

  # Google's SRE workbook: two percent of the budget in an hour, five in six; the short window ends the alert when it is over.
  burns = {
    fast = { rate = 14.4, long = 3600, short = 300, severity = "CRITICAL" }
    slow = { rate = 6, long = 21600, short = 1800, severity = "WARNING" }
  }

  objective_ids = merge(
    { for name, objective in google_monitoring_slo.availability : "${name}-availability" => objective.name },
    { for name, objective in google_monitoring_slo.latency : "${name}-latency" => objective.name },
  )
}

resource "google_monitoring_custom_service" "function" {
  for_each = var.functions

  project      = var.project_id
  service_id   = "${var.name}-${each.key}"
  display_name = "${var.name} ${each.key}"
  user_labels  = var.labels

  telemetry {
    resource_name = "//run.googleapis.com/projects/${var.project_id}/locations/${var.region}/services/${each.value.service_name}"
  }
}

resource "google_monitoring_slo" "availability" {
  for_each = var.functions

  project             = var.project_id
  service             = google_monitoring_custom_service.function[each.key].service_id
  slo_id              = "availability"
  display_name        = local.objectives["${each.key}-availability"].title
  goal                = var.availability_goal
  rolling_period_days = 28
  user_labels         = var.labels

  request_based_sli {
    good_total_ratio {
      bad_service_filter   = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${each.value.service_name}\" AND metric.labels.response_code_class=\"5xx\""
      total_service_filter = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${each.value.service_name}\""
    }
  }
}

resource "google_monitoring_slo" "latency" {
  for_each = local.answering_quickly

  project             = var.project_id
  service             = google_monitoring_custom_service.function[each.key].service_id
  slo_id              = "latency"
  display_name        = local.objectives["${each.key}-latency"].title
  goal                = var.latency_goal
  rolling_period_days = 28
  user_labels         = var.labels

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.distribution["client_latency_ms"].name}\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${each.value.service_name}\""

      range {
        min = 0
        max = var.latency_ms
      }
    }
  }
}

resource "google_monitoring_alert_policy" "burn" {
  for_each = merge([
    for objective, about in local.objectives : {
      for speed, burn in local.burns : "${objective}-${speed}" => merge(burn, about, { objective = objective, speed = speed })
    }
  ]...)

  project               = var.project_id
  display_name          = "${var.name} objective ${each.value.objective}, ${each.value.speed} burn"
  combiner              = "AND"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = var.labels

  dynamic "conditions" {
    for_each = { long = each.value.long, short = each.value.short }

    content {
      display_name = "The last ${conditions.value / 60} minutes use up the budget ${each.value.rate} times too quickly"

      condition_threshold {
        filter          = "select_slo_burn_rate(\"${local.objective_ids[each.value.objective]}\", \"${conditions.value}s\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.rate
        duration        = "0s"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The objective \"${each.value.title}\" over 28 days is in danger: at this rate its budget is gone in ${floor(28 * 24 / each.value.rate)} hours. See the dashboard for which function and since when; a new deployment is rolled back first and understood afterwards (infra/README.md, runbook)."
  }

  alert_strategy {
    auto_close = "86400s"
  }
}
