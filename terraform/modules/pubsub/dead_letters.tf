# What a function could not take, for people to look at and to publish again. One topic for each function: a message's
# attributes say from which subscription it comes.

resource "google_pubsub_topic" "dead_letters" {
  for_each = local.listening_functions

  project      = var.project_id
  name         = "dead-letters-${each.value}"
  kms_key_name = var.kms_key
  labels       = merge(var.labels, { function = each.value })

  message_storage_policy {
    allowed_persistence_regions = var.regions
  }
}

resource "google_pubsub_subscription" "dead_letters" {
  for_each = local.listening_functions

  project                    = var.project_id
  name                       = "dead-letters-${each.value}"
  topic                      = google_pubsub_topic.dead_letters[each.value].id
  labels                     = merge(var.labels, { function = each.value })
  ack_deadline_seconds       = 600
  message_retention_duration = local.aside

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic_iam_binding" "dead_letters" {
  for_each = local.listening_functions

  project = var.project_id
  topic   = google_pubsub_topic.dead_letters[each.value].name
  role    = "roles/pubsub.publisher"
  members = local.agents
}

# To put a message aside, Pub/Sub acknowledges it on the subscription that it comes from.
resource "google_pubsub_subscription_iam_binding" "acknowledging" {
  for_each = var.subscriptions

  project      = var.project_id
  subscription = google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  members      = local.agents
}
