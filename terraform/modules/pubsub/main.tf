locals {
  listening_functions = toset([for one in values(var.subscriptions) : one.function])

  week   = "604800s"
  aside  = "2419200s"
  agents = ["serviceAccount:${var.agent_email}"]
}

resource "google_pubsub_topic" "events" {
  for_each = var.topics

  project      = var.project_id
  name         = each.value
  kms_key_name = var.kms_key
  labels       = var.labels

  # What was published in the last week can be delivered again, also to a subscription that is made later.
  message_retention_duration = local.week

  message_storage_policy {
    allowed_persistence_regions = var.regions
  }
}

# A signal is worth nothing a minute later: nothing is kept.
resource "google_pubsub_topic" "live" {
  project      = var.project_id
  name         = var.live_topic
  kms_key_name = var.kms_key
  labels       = var.labels

  message_storage_policy {
    allowed_persistence_regions = var.regions
  }
}

resource "google_pubsub_topic_iam_binding" "publishers" {
  for_each = var.topics

  project = var.project_id
  topic   = google_pubsub_topic.events[each.value].name
  role    = "roles/pubsub.publisher"
  members = [for email in values(var.publishers) : "serviceAccount:${email}"]
}

resource "google_pubsub_subscription" "push" {
  for_each = var.subscriptions

  project = var.project_id
  name    = each.key
  topic   = google_pubsub_topic.events[each.value.topic].id
  filter  = "attributes.event = \"${each.value.event}\""
  labels  = merge(var.labels, { function = each.value.function })

  # Pub/Sub waits for a function's answer for as long as the function may take, and for 10 minutes at most.
  ack_deadline_seconds       = min(600, max(10, var.targets[each.value.function].timeout_seconds))
  message_retention_duration = local.week

  push_config {
    push_endpoint = "${var.targets[each.value.function].uri}${each.value.path}"

    oidc_token {
      service_account_email = var.push_account.email
      audience              = var.targets[each.value.function].audience
    }
  }

  # Never: Pub/Sub would remove a subscription that nothing has happened on for a month.
  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letters[each.value.function].id
    max_delivery_attempts = var.max_delivery_attempts
  }

  # Without these rights a message that cannot be delivered is never put aside, and without the other no token is made.
  depends_on = [
    google_pubsub_topic_iam_binding.dead_letters,
    google_service_account_iam_member.push_tokens,
  ]
}

# Pub/Sub makes the tokens of the push account.
resource "google_service_account_iam_member" "push_tokens" {
  service_account_id = var.push_account.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = "serviceAccount:${var.agent_email}"
}
