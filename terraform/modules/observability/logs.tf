locals {
  # What a person typed ends up in queries (a search, a token of a socket), and Google's request logs have whole addresses.
  # Our own log line of each request has the route and no query.
  has_query = join(" OR ", [
    "httpRequest.requestUrl:\"?\"",
    "(logName:\"endpoints_log\" AND jsonPayload.url:\"?\")",
  ])

  kept_logs = {
    audit = {
      days        = var.audit_log_retention_days
      description = "Google's audit logs: who did what to the project, and who read data"
      filter      = "logName:\"cloudaudit.googleapis.com\""
    }
    access = {
      days        = var.access_log_retention_days
      description = "Requests at the load balancer, the gateway and the functions"
      filter = join(" OR ", [
        "resource.type=\"http_load_balancer\"",
        "resource.type=\"apigateway.googleapis.com/Gateway\"",
        "(resource.type=\"cloud_run_revision\" AND logName:\"run.googleapis.com%2Frequests\")",
        "(resource.type=\"cloud_run_revision\" AND jsonPayload.latency_ms>=0)",
      ])
    }
  }
}

# Who reads documents beside the functions. Theirs would be a line for each read of each request. (Firestore's audit logs are
# configured under Datastore's name.)
resource "google_project_iam_audit_config" "documents" {
  count = var.document_access_exempt == null ? 0 : 1

  project = var.project_id
  service = "datastore.googleapis.com"

  dynamic "audit_log_config" {
    for_each = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]

    content {
      log_type         = audit_log_config.value
      exempted_members = [for email in var.document_access_exempt : "serviceAccount:${email}"]
    }
  }
}

# For the project's own log bucket (_Default, 30 days).
resource "google_logging_project_exclusion" "queries" {
  project     = var.project_id
  name        = "addresses-with-queries"
  description = "Addresses with a query may hold what a person searched for, or a token"
  filter      = local.has_query
}

resource "google_bigquery_dataset" "logs" {
  for_each = local.kept_logs

  project                         = var.project_id
  dataset_id                      = "${replace(var.name, "-", "_")}_${each.key}_logs"
  location                        = var.dataset_location
  description                     = each.value.description
  default_partition_expiration_ms = each.value.days * 24 * 60 * 60 * 1000
  delete_contents_on_destroy      = false
  labels                          = var.labels
}

resource "google_logging_project_sink" "logs" {
  for_each = local.kept_logs

  project                = var.project_id
  name                   = "${var.name}-${each.key}"
  description            = each.value.description
  destination            = "bigquery.googleapis.com/${google_bigquery_dataset.logs[each.key].id}"
  filter                 = each.value.filter
  unique_writer_identity = true

  bigquery_options {
    use_partitioned_tables = true
  }

  exclusions {
    name        = "addresses-with-queries"
    description = "Addresses with a query may hold what a person searched for, or a token"
    filter      = local.has_query
  }
}

resource "google_bigquery_dataset_iam_member" "writer" {
  for_each = local.kept_logs

  project    = var.project_id
  dataset_id = google_bigquery_dataset.logs[each.key].dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_logging_project_sink.logs[each.key].writer_identity
}
