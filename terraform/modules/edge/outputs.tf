output "address" {
  description = "The IPv4 address for the domain's A record."
  value       = google_compute_global_address.this.address
}

output "url" {
  description = "Where clients reach everything."
  value       = "https://${var.domain}"
}

output "host" {
  description = "The host that uptime checks ask."
  value       = var.domain
}

output "security_policy_name" {
  description = "The Cloud Armor policy, for its logs and for adding a rule by hand in an incident."
  value       = google_compute_security_policy.this.name
}
