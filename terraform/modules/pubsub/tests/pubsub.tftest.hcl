mock_provider "google" {
  override_during = plan
}

variables {
  project_id = "consentmd-test"
  topics     = ["events-chats", "events-identity"]
  live_topic = "live-signals"

  subscriptions = {
    chats-profile-changed = {
      function = "chats"
      topic    = "events-identity"
      event    = "identity.profile-changed"
      path     = "/triggers/events/chats-profile-changed"
    }
    realtime-fan-out = {
      function = "realtime"
      topic    = "events-chats"
      event    = "chats.log-grew"
      path     = "/triggers/events/realtime-fan-out"
    }
  }

  targets = {
    chats    = { uri = "https://chats-x.run.app", audience = "https://chats.consentmd.internal", timeout_seconds = 60 }
    realtime = { uri = "https://realtime-x.run.app", audience = "https://realtime.consentmd.internal", timeout_seconds = 3600 }
  }

  publishers = {
    chats    = "fn-chats@consentmd-test.iam.gserviceaccount.com"
    realtime = "fn-realtime@consentmd-test.iam.gserviceaccount.com"
  }

  push_account = {
    name  = "projects/consentmd-test/serviceAccounts/triggers@consentmd-test.iam.gserviceaccount.com"
    email = "triggers@consentmd-test.iam.gserviceaccount.com"
  }

  agent_email = "service-1@gcp-sa-pubsub.iam.gserviceaccount.com"
  regions     = ["us-central1", "us-east1"]
}

run "a_subscription_brings_one_event_to_one_path" {
  command = plan

  assert {
    condition     = google_pubsub_subscription.push["chats-profile-changed"].filter == "attributes.event = \"identity.profile-changed\""
    error_message = "The topic carries the whole family: the filter picks the event."
  }

  assert {
    condition = (
      google_pubsub_subscription.push["chats-profile-changed"].push_config[0].push_endpoint ==
      "https://chats-x.run.app/triggers/events/chats-profile-changed"
    )
    error_message = "The event goes to its handler's path at the function."
  }

  assert {
    condition = (
      google_pubsub_subscription.push["chats-profile-changed"].push_config[0].oidc_token[0].audience == "https://chats.consentmd.internal" &&
      google_pubsub_subscription.push["chats-profile-changed"].push_config[0].oidc_token[0].service_account_email == var.push_account.email
    )
    error_message = "The token is for that function, and from the account that functions know."
  }
}

run "subscriptions_stay_and_wait_as_long_as_functions_take" {
  command = plan

  assert {
    condition     = alltrue([for one in google_pubsub_subscription.push : one.expiration_policy[0].ttl == ""])
    error_message = "A quiet subscription must not expire."
  }

  assert {
    condition = (
      google_pubsub_subscription.push["chats-profile-changed"].ack_deadline_seconds == 60 &&
      google_pubsub_subscription.push["realtime-fan-out"].ack_deadline_seconds == 600
    )
    error_message = "A deadline shorter than the function's would deliver twice; Pub/Sub takes 600 s at most."
  }
}

run "what_cannot_be_delivered_is_put_aside_for_four_weeks" {
  command = plan

  assert {
    condition     = toset(keys(google_pubsub_topic.dead_letters)) == toset(["chats", "realtime"])
    error_message = "Each function that listens has its dead letters."
  }

  assert {
    condition = alltrue([
      for one in google_pubsub_subscription.dead_letters :
      one.message_retention_duration == "2419200s" && one.expiration_policy[0].ttl == "" && length(one.push_config) == 0
    ])
    error_message = "Dead letters wait for people for 28 days: less than the 30 for which functions know what they have done, so that all can be replayed."
  }

  assert {
    condition = alltrue([
      for binding in google_pubsub_topic_iam_binding.dead_letters :
      binding.role == "roles/pubsub.publisher" && binding.members == toset(["serviceAccount:${var.agent_email}"])
    ])
    error_message = "Pub/Sub's agent publishes dead letters."
  }

  assert {
    condition = toset(keys(google_pubsub_subscription_iam_binding.acknowledging)) == toset(keys(var.subscriptions)) && alltrue([
      for binding in google_pubsub_subscription_iam_binding.acknowledging :
      binding.role == "roles/pubsub.subscriber" && binding.members == toset(["serviceAccount:${var.agent_email}"])
    ])
    error_message = "Pub/Sub's agent acknowledges what it puts aside, on every subscription."
  }

  assert {
    condition     = alltrue([for one in google_pubsub_subscription.push : one.dead_letter_policy[0].max_delivery_attempts == 30])
    error_message = "An outage of some hours must not fill the dead letters."
  }
}

run "messages_stay_in_the_regions_asked_for" {
  command = plan

  assert {
    condition = alltrue([
      for topic in concat(values(google_pubsub_topic.events), values(google_pubsub_topic.dead_letters), [google_pubsub_topic.live]) :
      topic.message_storage_policy[0].allowed_persistence_regions == var.regions
    ])
    error_message = "Every topic keeps its messages in these regions."
  }
}

run "only_functions_publish_events" {
  command = plan

  assert {
    condition = alltrue([
      for binding in google_pubsub_topic_iam_binding.publishers :
      binding.members == toset([for email in values(var.publishers) : "serviceAccount:${email}"])
    ])
    error_message = "Publishers are the functions' accounts and nobody else."
  }
}

run "a_topic_that_nobody_makes_is_refused" {
  command = plan

  variables {
    topics = ["events-chats"]
  }

  expect_failures = [var.subscriptions]
}

run "a_function_that_nobody_makes_is_refused" {
  command = plan

  variables {
    targets = {
      chats = { uri = "https://chats-x.run.app", audience = "https://chats.consentmd.internal", timeout_seconds = 60 }
    }
  }

  expect_failures = [var.targets]
}
