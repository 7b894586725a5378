mock_provider "google" {}

variables {
  project_id     = "clinic-dev"
  project_number = "123456789"
  region         = "us-central1"
  name           = "consentmd"
  functions = {
    chats    = { service_name = "chats", sockets = false }
    identity = { service_name = "identity", sockets = false }
    realtime = { service_name = "realtime", sockets = true }
  }
  subscriptions             = ["chats-profile-changed", "realtime-fan-out"]
  dead_letter_subscriptions = ["dead-letters-chats", "dead-letters-realtime"]
  uptime_checks = {
    sockets = { host = "api.clinic.example", path = "/.well-known/jwks.json", content = "\"keys\"" }
    rest    = { host = "api.clinic.example", path = "/api/v1/users/me", status = 401 }
  }
  alert_emails = ["ops@clinic.example"]
}

run "each_function_has_its_objectives" {
  command = apply

  assert {
    condition     = toset(keys(google_monitoring_slo.availability)) == toset(["chats", "identity", "realtime"])
    error_message = "Every function promises to answer."
  }

  assert {
    condition     = toset(keys(google_monitoring_slo.latency)) == toset(["chats", "identity"])
    error_message = "A socket's length is no latency."
  }

  assert {
    condition     = google_monitoring_slo.latency["chats"].request_based_sli[0].distribution_cut[0].range[0].max == 200 && google_monitoring_slo.latency["chats"].goal == 0.95
    error_message = "95 percent within 200 ms are meant."
  }

  assert {
    condition     = strcontains(google_monitoring_slo.availability["chats"].request_based_sli[0].good_total_ratio[0].bad_service_filter, "service_name=\"chats\"") && google_monitoring_slo.availability["chats"].goal == 0.999
    error_message = "99.9 percent of its own requests are meant."
  }

  assert {
    condition     = length(google_monitoring_alert_policy.burn) == 2 * (3 + 2) && alltrue([for policy in google_monitoring_alert_policy.burn : policy.combiner == "AND" && length(policy.conditions) == 2])
    error_message = "Each objective is told of at two speeds, and only where the long and the short window agree."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.burn["chats-latency-slow"].conditions[0].condition_threshold[0].filter, google_monitoring_slo.latency["chats"].name) && strcontains(google_monitoring_alert_policy.burn["chats-availability-fast"].conditions[0].condition_threshold[0].filter, google_monitoring_slo.availability["chats"].name)
    error_message = "An alert must be about its own objective."
  }
}

run "a_new_function_needs_no_edit" {
  command = apply

  variables {
    functions = {
      chats    = { service_name = "chats", sockets = false }
      identity = { service_name = "identity", sockets = false }
      pharmacy = { service_name = "pharmacy", sockets = false }
      realtime = { service_name = "realtime", sockets = true }
    }
  }

  assert {
    condition     = contains(keys(google_monitoring_slo.latency), "pharmacy") && contains(keys(google_monitoring_alert_policy.burn), "pharmacy-availability-fast")
    error_message = "It must have objectives."
  }

  assert {
    condition     = strcontains(one(google_monitoring_alert_policy.measured["error-rate"].conditions).condition_prometheus_query_language[0].query, "service_name=~\"chats|identity|pharmacy|realtime\"")
    error_message = "It must be in the error rate."
  }

  assert {
    condition     = strcontains(google_monitoring_dashboard.this.dashboard_json, "chats|identity|pharmacy|realtime")
    error_message = "It must be in the dashboard."
  }
}

run "the_dashboard_is_json_without_overlaps" {
  command = apply

  assert {
    condition     = length(jsondecode(google_monitoring_dashboard.this.dashboard_json).mosaicLayout.tiles) == 16
    error_message = "A chart is missing."
  }

  assert {
    condition     = length(distinct([for tile in jsondecode(google_monitoring_dashboard.this.dashboard_json).mosaicLayout.tiles : "${tile.xPos} ${tile.yPos}"])) == 16
    error_message = "Two charts lie on one another."
  }

  assert {
    condition = alltrue([for needed in ["request_count", "client_latency_ms", "container_instance_count", "memory_utilizations", "num_undelivered", "dead_letter", "outbox_oldest", "audit_unsealed", "read_ops_count", "write_ops_count"] :
      strcontains(google_monitoring_dashboard.this.dashboard_json, needed)
    ])
    error_message = "What is worth watching must be on the dashboard."
  }
}

run "thresholds_are_bounds" {
  command = apply

  assert {
    condition = alltrue([
      contains(google_logging_metric.distribution["outbox_oldest_seconds"].bucket_options[0].explicit_buckets[0].bounds, var.outbox_seconds),
      contains(google_logging_metric.distribution["audit_unsealed_oldest_seconds"].bucket_options[0].explicit_buckets[0].bounds, var.audit_unsealed_seconds),
      contains(google_logging_metric.distribution["client_latency_ms"].bucket_options[0].explicit_buckets[0].bounds, var.latency_ms),
    ])
    error_message = "A percentile between two bounds is a guess."
  }

  assert {
    condition     = google_logging_metric.distribution["audit_unsealed_oldest_seconds"].label_extractors["tenant"] == "EXTRACT(jsonPayload.tenant)"
    error_message = "The seal age must say whose it is."
  }

  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.measured : one(policy.conditions).condition_prometheus_query_language[0].disable_metric_validation])
    error_message = "In a new project nothing is measured yet; a condition that wants it would fail the first apply."
  }
}

run "everybody_is_told" {
  command = apply

  assert {
    condition = alltrue([for policy in concat(
      values(google_monitoring_alert_policy.measured), values(google_monitoring_alert_policy.told), values(google_monitoring_alert_policy.burn),
      values(google_monitoring_alert_policy.dead_letters), values(google_monitoring_alert_policy.uptime),
    ) : one(policy.notification_channels) == google_monitoring_notification_channel.email["ops@clinic.example"].id])
    error_message = "An alert that tells nobody is none."
  }

  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.told : policy.alert_strategy[0].notification_rate_limit[0].period != null])
    error_message = "An alert on log lines needs a limit, or the API refuses it."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.dead_letters["waiting"].conditions[0].condition_threshold[0].filter, "one_of(\"dead-letters-chats\", \"dead-letters-realtime\")")
    error_message = "All dead-letter subscriptions are watched."
  }

  assert {
    condition     = !contains(keys(google_monitoring_alert_policy.measured), "silence") && length(google_billing_budget.monthly) == 0
    error_message = "Before the first deployment silence is right, and a budget is asked for."
  }
}

run "silence_and_costs_when_asked" {
  command = apply

  variables {
    alert_on_silence = true
    monthly_budget   = { billing_account = "012345-6789AB-CDEF01", amount = 500 }
    alert_emails     = ["a@clinic.example", "b@clinic.example", "c@clinic.example", "d@clinic.example", "e@clinic.example", "f@clinic.example"]
  }

  assert {
    condition     = strcontains(one(google_monitoring_alert_policy.measured["silence"].conditions).condition_prometheus_query_language[0].query, "absent_over_time")
    error_message = "After the first deployment silence is wrong."
  }

  assert {
    condition = alltrue([
      for age in ["outbox_oldest_seconds", "audit_unsealed_oldest_seconds"] :
      length(regexall("user_${age}_count", one(google_monitoring_alert_policy.measured["silence"].conditions).condition_prometheus_query_language[0].query)) == 3 &&
      google_logging_metric.distribution[age].label_extractors == tomap({ tenant = "EXTRACT(jsonPayload.tenant)" })
    ])
    error_message = "Both ages are told by tenant, and so is their silence: one that others outvote would not be noticed."
  }

  assert {
    condition     = length(google_billing_budget.monthly[0].all_updates_rule[0].monitoring_notification_channels) == 5 && google_billing_budget.monthly[0].budget_filter[0].projects == toset(["projects/123456789"])
    error_message = "A budget is about one project's number and tells five at most."
  }
}

run "logs_go_to_bigquery_without_queries" {
  command = apply

  assert {
    condition     = alltrue([for sink in google_logging_project_sink.logs : sink.bigquery_options[0].use_partitioned_tables && sink.unique_writer_identity && strcontains(sink.exclusions[0].filter, "httpRequest.requestUrl:\"?\"")])
    error_message = "A query may hold a search or a token."
  }

  assert {
    condition     = google_logging_project_exclusion.queries.filter == google_logging_project_sink.logs["access"].exclusions[0].filter
    error_message = "The project's own log bucket must leave them out too."
  }

  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.logs : dataset.default_partition_expiration_ms == 2190 * 24 * 60 * 60 * 1000 && dataset.location == "US" && !dataset.delete_contents_on_destroy])
    error_message = "Six years, in the United States, and not deleted along."
  }

  assert {
    condition     = alltrue([for kind, member in google_bigquery_dataset_iam_member.writer : member.member == google_logging_project_sink.logs[kind].writer_identity && member.dataset_id == google_bigquery_dataset.logs[kind].dataset_id])
    error_message = "Each sink may write to its own dataset."
  }

  assert {
    condition     = length(google_project_iam_audit_config.documents) == 0
    error_message = "Unless it says whose reads are known, Firestore's audit logs are somebody else's."
  }
}

run "documents_that_others_than_functions_read_leave_an_entry" {
  command = apply

  variables {
    document_access_exempt = ["chats@clinic-dev.iam.gserviceaccount.com"]
  }

  assert {
    condition     = google_project_iam_audit_config.documents[0].service == "datastore.googleapis.com" && toset([for config in google_project_iam_audit_config.documents[0].audit_log_config : config.log_type]) == toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])
    error_message = "Reads and writes of documents must be logged, under Datastore's name."
  }

  assert {
    condition     = alltrue([for config in google_project_iam_audit_config.documents[0].audit_log_config : one(config.exempted_members) == "serviceAccount:chats@clinic-dev.iam.gserviceaccount.com"])
    error_message = "A function's reads are in its own audit log."
  }
}

run "uptime_is_asked_from_three_places" {
  command = apply

  assert {
    condition     = one(google_monitoring_uptime_check_config.this["rest"].http_check[0].accepted_response_status_codes).status_value == 401 && length(google_monitoring_uptime_check_config.this["rest"].content_matchers) == 0
    error_message = "The gateway's refusal is a sign of life."
  }

  assert {
    condition     = google_monitoring_uptime_check_config.this["sockets"].content_matchers[0].content == "\"keys\"" && length(google_monitoring_uptime_check_config.this["sockets"].selected_regions) == 3
    error_message = "The public keys must really be there."
  }
}

run "a_threshold_between_bounds_fails" {
  command = plan

  variables {
    latency_ms = 250
  }

  expect_failures = [var.latency_ms]
}

run "a_storage_location_is_no_dataset_location" {
  command = plan

  variables {
    dataset_location = "NAM4"
  }

  expect_failures = [var.dataset_location]
}

# A metric counts lines: whoever changes one of them in the code has to change what looks for it.
run "what_is_looked_for_is_what_the_code_logs" {
  command = plan

  assert {
    condition = alltrue([
      for metric, file in {
        outbox_oldest_seconds         = "../../../shared/events/src/outbox.rs"
        audit_unsealed_oldest_seconds = "../../../functions/audit/src/seal_log.rs"
        } : (
        strcontains(google_logging_metric.distribution[metric].filter, "jsonPayload.metric=\"${metric}\"") &&
        strcontains(file(file), "metric = \"${metric}\", seconds, %tenant,")
      )
    ])
    error_message = "The ages are logged with seconds and tenant."
  }

  assert {
    condition     = strcontains(google_logging_metric.events_parked.filter, "jsonPayload.metric=\"event_parked\"") && strcontains(file("../../../shared/events/src/delivery.rs"), "metric = \"event_parked\"")
    error_message = "Parked events are told of."
  }

  assert {
    condition = (
      strcontains(google_logging_metric.distribution["client_latency_ms"].filter, "jsonPayload.latency_ms>=0 AND jsonPayload.route:\"/api/\"") &&
      can(regex("\"http\\.request\", .*\\broute\\)", file("../../../shared/runtime/src/layers.rs"))) &&
      can(regex("info!\\(status = status\\.as_u16\\(\\), latency_ms,", file("../../../shared/runtime/src/layers.rs")))
    )
    error_message = "Each request is logged with latency_ms, within a span that has the route."
  }
}
