output "gateway_id" {
  description = "The gateway's name, for a serverless network endpoint group."
  value       = google_api_gateway_gateway.this.gateway_id
}

output "host" {
  description = "The host name that Google gave the gateway (NAME-HASH.REGION.gateway.dev). It stays reachable beside an own domain."
  value       = google_api_gateway_gateway.this.default_hostname
}

output "config_id" {
  description = "The configuration that the gateway serves; it changes with the document."
  value       = google_api_gateway_api_config.this.api_config_id
}
