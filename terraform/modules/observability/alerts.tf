locals {
  channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  service_pattern      = join("|", sort([for function in var.functions : function.service_name]))
  subscription_pattern = join("|", sort(var.subscriptions))
  dead_letter_list     = join(", ", [for name in sort(var.dead_letter_subscriptions) : "\"${name}\""])

  parked_filter = "resource.type=\"cloud_run_revision\" AND jsonPayload.metric=\"event_parked\""

  runs = "monitored_resource=\"cloud_run_revision\",service_name=~\"${local.service_pattern}\""

  # Conditions in PromQL. `disable_metric_validation`, since in a new project nothing has been measured yet.
  measured = merge({
    error-rate = {
      title    = "A function answers with server errors"
      severity = "CRITICAL"
      duration = "300s"
      query    = <<-EOT
        sum by (service_name) (increase(run_googleapis_com:request_count{${local.runs},response_code_class="5xx"}[10m]))
          / sum by (service_name) (increase(run_googleapis_com:request_count{${local.runs}}[10m])) > ${var.error_percent / 100}
        and on (service_name)
        sum by (service_name) (increase(run_googleapis_com:request_count{${local.runs},response_code_class="5xx"}[10m])) >= ${var.fewest_errors}
      EOT
      advice   = "More than ${var.error_percent} % of a function's requests end in 5xx. Was it deployed just now? Then roll back (infra/README.md). Otherwise look at its log lines with severity ERROR; the line names the route and the trace."
    }
    latency = {
      title    = "A function answers clients slowly"
      severity = "WARNING"
      duration = "600s"
      query    = <<-EOT
        histogram_quantile(0.95, sum by (service_name, le) (rate(logging_googleapis_com:user_client_latency_ms_bucket{${local.runs}}[10m]))) > ${var.latency_ms}
      EOT
      advice   = "The 95th percentile is above ${var.latency_ms} ms for ten minutes. Look at the dashboard: instances at their maximum, memory, Firestore's reads. `jsonPayload.latency_ms>${var.latency_ms}` finds the routes."
    }
    unacknowledged = {
      title    = "Events are not delivered"
      severity = "ERROR"
      duration = "300s"
      query    = <<-EOT
        max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource="pubsub_subscription",subscription_id=~"${local.subscription_pattern}"}) > ${var.unacknowledged_seconds}
      EOT
      advice   = "A subscription's oldest message waits for more than ${var.unacknowledged_seconds} s. Its function refuses or fails: the subscription's name begins with the effect's; its function's log lines say why. Nothing is lost while it waits."
    }
    outbox-age = {
      title    = "Events wait in the outbox"
      severity = "ERROR"
      duration = "180s"
      query    = <<-EOT
        histogram_quantile(0.99, sum by (tenant, le) (increase(logging_googleapis_com:user_outbox_oldest_seconds_bucket{monitored_resource="cloud_run_revision"}[5m]))) > ${var.outbox_seconds}
      EOT
      advice   = "An event of a tenant waits for more than ${var.outbox_seconds} s to be published: messages arrive late and notifications do not come. Is Pub/Sub reachable, does the schedule outbox-sweep run, may the function publish to the topic?"
    }
    audit-seal-age = {
      title    = "Audit entries are not sealed"
      severity = "CRITICAL"
      duration = "180s"
      query    = <<-EOT
        histogram_quantile(0.99, sum by (tenant, le) (increase(logging_googleapis_com:user_audit_unsealed_oldest_seconds_bucket{monitored_resource="cloud_run_revision"}[5m]))) > ${var.audit_unsealed_seconds}
      EOT
      advice   = "A tenant's oldest unsealed audit entry is older than ${var.audit_unsealed_seconds} s: until it is sealed, it could be altered without a trace. Does the schedule audit-seal run, and may audit write to the checkpoints' bucket?"
    }
    }, var.alert_on_silence ? {
    silence = {
      title    = "The ages of outbox and audit log are not told"
      severity = "ERROR"
      duration = "300s"
      query    = <<-EOT
        absent_over_time(logging_googleapis_com:user_outbox_oldest_seconds_count{monitored_resource="cloud_run_revision"}[30m])
        or absent_over_time(logging_googleapis_com:user_audit_unsealed_oldest_seconds_count{monitored_resource="cloud_run_revision"}[30m])
        or (${join(" or ", [for age in ["outbox_oldest", "audit_unsealed_oldest"] : "(sum by (tenant) (increase(logging_googleapis_com:user_${age}_seconds_count{monitored_resource=\"cloud_run_revision\"}[6h])) > 0 unless on (tenant) sum by (tenant) (increase(logging_googleapis_com:user_${age}_seconds_count{monitored_resource=\"cloud_run_revision\"}[30m])) > 0)"])})
      EOT
      advice   = "One of the two ages was not logged for half an hour, by nobody or not for a tenant, so its alert cannot fire either. Do the schedules outbox-sweep and audit-seal run, and what do audit's log lines say? (A tenant that was closed is silent too: this ends within six hours.)"
    }
  } : {})

  # Single log lines that a person must hear of. Each is told at most once in the given time.
  told = {
    event-parked = {
      title    = "An event was put aside for good"
      severity = "ERROR"
      every    = "3600s"
      filter   = local.parked_filter
      advice   = "An event could never succeed and was parked with its reason; the log line names it. After the code is mended, replay it (infra/README.md)."
    }
    schedule-failed = {
      title    = "A scheduled job failed"
      severity = "WARNING"
      every    = "3600s"
      filter   = "resource.type=\"cloud_scheduler_job\" AND severity>=ERROR"
      advice   = "Cloud Scheduler's call failed; the entry has the status. One failure in a deployment heals by itself with the next run."
    }
    key-or-secret-denied = {
      title    = "Somebody was refused a key or a secret"
      severity = "WARNING"
      every    = "3600s"
      filter   = "logName:\"cloudaudit.googleapis.com\" AND protoPayload.serviceName=(\"cloudkms.googleapis.com\" OR \"secretmanager.googleapis.com\") AND protoPayload.status.code=7"
      advice   = "The entry says who and which. A function after a change of rights: mend the rights. Anybody else: an incident."
    }
    key-or-secret-destroyed = {
      title    = "A key or secret is being destroyed"
      severity = "CRITICAL"
      every    = "300s"
      filter   = "logName:\"cloudaudit.googleapis.com\" AND protoPayload.methodName=~\"DestroyCryptoKeyVersion|DestroySecretVersion|DeleteSecret\""
      advice   = "A destroyed key version takes everything sealed under it along. A KMS key can be restored while its destruction is scheduled: `gcloud kms keys versions restore`."
    }
    secret-read-by-a-person = {
      title    = "A person read a secret"
      severity = "CRITICAL"
      every    = "300s"
      filter   = "logName:\"cloudaudit.googleapis.com\" AND protoPayload.methodName:\"AccessSecretVersion\" AND NOT protoPayload.resourceName=~\"/versions/1$\" AND NOT protoPayload.authenticationInfo.principalEmail:\"gserviceaccount.com\""
      advice   = "Only functions read secrets (version 1 holds none). The entry says who it was; if that person does not know of it, rotate the key (infra/README.md)."
    }
    documents-read-by-a-person = {
      title    = "A person read documents beside the API"
      severity = "CRITICAL"
      every    = "3600s"
      filter   = "logName:\"cloudaudit.googleapis.com%2Fdata_access\" AND protoPayload.serviceName=\"firestore.googleapis.com\" AND protoPayload.methodName=~\"Document|Query|Commit|Listen|Write\" AND NOT protoPayload.authenticationInfo.principalEmail:\"gserviceaccount.com\""
      advice   = "Personal data in documents is sealed, but who is whose patient is not. The entry says who it was; such access needs a reason in writing."
    }
  }

  dead_letters = length(var.dead_letter_subscriptions) == 0 ? {} : {
    given-up = {
      title  = "A message was given up and went to the dead letters"
      filter = "metric.type=\"pubsub.googleapis.com/subscription/dead_letter_message_count\" AND resource.type=\"pubsub_subscription\""
      align  = "ALIGN_SUM"
    }
    waiting = {
      title  = "Dead letters wait"
      filter = "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=one_of(${local.dead_letter_list})"
      align  = "ALIGN_MAX"
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.alert_emails)

  project      = var.project_id
  display_name = "${var.name}: ${each.value}"
  type         = "email"
  labels       = { email_address = each.value }
  user_labels  = var.labels
}

resource "google_monitoring_alert_policy" "measured" {
  for_each = local.measured

  project               = var.project_id
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query                     = trimspace(each.value.query)
      duration                  = each.value.duration
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.advice
  }

  alert_strategy {
    auto_close = "3600s"
  }

  depends_on = [google_logging_metric.distribution]
}

resource "google_monitoring_alert_policy" "told" {
  for_each = local.told

  project               = var.project_id
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = each.value.title

    condition_matched_log {
      filter = each.value.filter
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.advice
  }

  alert_strategy {
    auto_close = "86400s"

    notification_rate_limit {
      period = each.value.every
    }
  }
}

resource "google_monitoring_alert_policy" "dead_letters" {
  for_each = local.dead_letters

  project               = var.project_id
  display_name          = "${var.name}: ${each.value.title}"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = each.value.align
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.subscription_id"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "A message failed as often as its subscription tries. It is kept in the dead-letter subscription: mend the cause, then replay it before its retention ends (infra/README.md)."
  }

  alert_strategy {
    auto_close = "86400s"
  }
}

resource "google_project_service" "budgets" {
  count = var.monthly_budget == null ? 0 : 1

  project            = var.project_id
  service            = "billingbudgets.googleapis.com"
  disable_on_destroy = false
}

resource "google_billing_budget" "monthly" {
  count = var.monthly_budget == null ? 0 : 1

  billing_account = var.monthly_budget.billing_account
  display_name    = "${var.name} ${var.project_id}"

  budget_filter {
    projects = ["projects/${var.project_number}"]
  }

  amount {
    specified_amount {
      currency_code = var.monthly_budget.currency
      units         = tostring(floor(var.monthly_budget.amount))
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]

    content {
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    # A budget takes five channels at most.
    monitoring_notification_channels = slice(local.channels, 0, min(5, length(local.channels)))
  }

  depends_on = [google_project_service.budgets]
}
