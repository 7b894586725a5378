locals {
  backlog = "monitored_resource=\"pubsub_subscription\""
  store   = "monitored_resource=\"firestore.googleapis.com/Database\""

  charts = [
    { title = "Requests a second", unit = "1/s", query = "sum by (service_name) (rate(run_googleapis_com:request_count{${local.runs}}[5m]))" },
    { title = "Server errors, share of requests", unit = "10^2.%", query = "sum by (service_name) (rate(run_googleapis_com:request_count{${local.runs},response_code_class=\"5xx\"}[5m])) / sum by (service_name) (rate(run_googleapis_com:request_count{${local.runs}}[5m]))" },
    { title = "Answers to clients, p50", unit = "ms", query = "histogram_quantile(0.5, sum by (service_name, le) (rate(logging_googleapis_com:user_client_latency_ms_bucket{${local.runs}}[5m])))" },
    { title = "Answers to clients, p95", unit = "ms", query = "histogram_quantile(0.95, sum by (service_name, le) (rate(logging_googleapis_com:user_client_latency_ms_bucket{${local.runs}}[5m])))" },
    { title = "All requests as Cloud Run sees them, p95", unit = "ms", query = "histogram_quantile(0.95, sum by (service_name, le) (rate(run_googleapis_com:request_latencies_bucket{${local.runs}}[5m])))" },
    { title = "Instances", unit = "1", query = "sum by (service_name, state) (run_googleapis_com:container_instance_count{${local.runs}})" },
    { title = "Memory, p95 of instances", unit = "10^2.%", query = "histogram_quantile(0.95, sum by (service_name, le) (rate(run_googleapis_com:container_memory_utilizations_bucket{${local.runs}}[5m])))" },
    { title = "CPU, p95 of instances", unit = "10^2.%", query = "histogram_quantile(0.95, sum by (service_name, le) (rate(run_googleapis_com:container_cpu_utilizations_bucket{${local.runs}}[5m])))" },
    { title = "Messages not delivered yet", unit = "1", query = "sum by (subscription_id) (pubsub_googleapis_com:subscription_num_undelivered_messages{${local.backlog}})" },
    { title = "Oldest message not delivered", unit = "s", query = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{${local.backlog}})" },
    { title = "Dead letters in 5 minutes", unit = "1", query = "sum by (subscription_id) (increase(pubsub_googleapis_com:subscription_dead_letter_message_count{${local.backlog}}[5m]))" },
    { title = "Events parked in 5 minutes", unit = "1", query = "sum (increase(logging_googleapis_com:user_events_parked{monitored_resource=\"cloud_run_revision\"}[5m]))" },
    { title = "Oldest event in the outbox, by tenant", unit = "s", query = "histogram_quantile(0.99, sum by (tenant, le) (increase(logging_googleapis_com:user_outbox_oldest_seconds_bucket{monitored_resource=\"cloud_run_revision\"}[5m])))" },
    { title = "Oldest unsealed audit entry, by tenant", unit = "s", query = "histogram_quantile(0.99, sum by (tenant, le) (increase(logging_googleapis_com:user_audit_unsealed_oldest_seconds_bucket{monitored_resource=\"cloud_run_revision\"}[5m])))" },
    { title = "Documents read a second, by database", unit = "1/s", query = "sum by (database_id) (rate(firestore_googleapis_com:document_read_ops_count{${local.store}}[5m]))" },
    { title = "Documents written a second, by database", unit = "1/s", query = "sum by (database_id) (rate(firestore_googleapis_com:document_write_ops_count{${local.store}}[5m]))" },
  ]
}

resource "google_monitoring_dashboard" "this" {
  project = var.project_id

  dashboard_json = templatefile("${path.module}/dashboard.json.tftpl", {
    title  = "${var.name} (${var.project_id})"
    charts = local.charts
  })
}
