# Metrics out of our own log lines (shared/runtime/src/logs.rs: one JSON object, whose fields are jsonPayload's).
# An alert compares a percentile of a distribution with a number; it is exact where the number is one of the bounds.

locals {
  second_bounds      = [1, 5, 10, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 86400]
  millisecond_bounds = [5, 10, 25, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000, 10000, 30000, 60000]

  distributions = {
    outbox_oldest_seconds = {
      description = "Once a minute and tenant: how old the oldest event is that waits to be published"
      filter      = "jsonPayload.metric=\"outbox_oldest_seconds\""
      value       = "EXTRACT(jsonPayload.seconds)"
      unit        = "s"
      bounds      = local.second_bounds
      labels      = { tenant = "EXTRACT(jsonPayload.tenant)" }
    }
    audit_unsealed_oldest_seconds = {
      description = "Once a minute and tenant: how old the oldest audit entry is that no checkpoint has sealed"
      filter      = "jsonPayload.metric=\"audit_unsealed_oldest_seconds\""
      value       = "EXTRACT(jsonPayload.seconds)"
      unit        = "s"
      bounds      = local.second_bounds
      labels      = { tenant = "EXTRACT(jsonPayload.tenant)" }
    }
    # Cloud Run's own request_latencies mixes clients' requests with triggers, which may take minutes.
    client_latency_ms = {
      description = "How long a function took to answer a client; triggers and sockets are left out"
      filter      = "jsonPayload.latency_ms>=0 AND jsonPayload.route:\"/api/\""
      value       = "EXTRACT(jsonPayload.latency_ms)"
      unit        = "ms"
      bounds      = local.millisecond_bounds
      labels      = {}
    }
  }
}

resource "google_logging_metric" "distribution" {
  for_each = local.distributions

  project          = var.project_id
  name             = each.key
  description      = each.value.description
  filter           = "resource.type=\"cloud_run_revision\" AND ${each.value.filter}"
  value_extractor  = each.value.value
  label_extractors = each.value.labels

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit

    dynamic "labels" {
      for_each = each.value.labels

      content {
        key        = labels.key
        value_type = "STRING"
      }
    }
  }

  bucket_options {
    explicit_buckets {
      bounds = each.value.bounds
    }
  }
}

resource "google_logging_metric" "events_parked" {
  project     = var.project_id
  name        = "events_parked"
  description = "Events that can never succeed and were put aside with their reason"
  filter      = local.parked_filter

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}
