output "network" {
  description = "The network's id."
  value       = google_compute_network.this.id
}

output "subnetwork" {
  description = "The subnet's id."
  value       = google_compute_subnetwork.this.id
}

output "outward_address" {
  description = "The address that others see; null without one."
  value       = one(google_compute_address.this[*].address)
}
