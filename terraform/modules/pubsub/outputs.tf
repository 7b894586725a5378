output "live_topic" {
  description = "The name of the topic of live signals."
  value       = google_pubsub_topic.live.name
}

output "subscriptions" {
  description = "The names of the push subscriptions."
  value       = [for subscription in google_pubsub_subscription.push : subscription.name]
}

output "dead_letter_subscriptions" {
  description = "The subscription with each function's dead letters, by function."
  value       = { for function, subscription in google_pubsub_subscription.dead_letters : function => subscription.name }
}
