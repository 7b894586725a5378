# How clients reach the functions: REST through API Gateway; with a domain, everything through one host.

variable "tls_profile" {
  description = "Which ciphers the load balancer offers: MODERN, or RESTRICTED."
  type        = string
  default     = "MODERN"
}

variable "requests_per_minute" {
  description = "How many requests one address may make in a minute, at the load balancer."
  type        = number
  default     = 100
}

variable "auth_requests_per_minute" {
  description = "How many of them where passwords and codes can be guessed."
  type        = number
  default     = 10
}

variable "waf_preview" {
  description = "Whether the WAF only logs what it would refuse. Begin with true, read the logs for a week, then say false."
  type        = bool
  default     = false
}

variable "adaptive_protection" {
  description = "Whether Cloud Armor learns what traffic is usual and warns of floods."
  type        = bool
  default     = false
}

locals {
  # Exactly one function holds sockets; it also has the public keys.
  socket_function = one(local.socket_functions)

  # With a domain its service takes nothing but what comes through the load balancer.
  jwks_uri = "${var.domain == null ? local.function_uri[local.socket_function] : "https://${var.domain}"}/.well-known/jwks.json"
}

module "gateway" {
  source = "./modules/gateway"

  project_id            = var.project_id
  region                = var.region
  name                  = local.name_prefix
  document              = file("${path.module}/../infra/gateway/openapi.json")
  backends              = local.function_uri
  jwks_uri              = local.jwks_uri
  service_account_email = local.gateway_account_email
  labels                = local.labels

  outside_issuers = [
    for one in var.outside_issuers : { issuer = one.issuer, audience = one.audience, jwks_uri = one.jwksUrl }
  ]

  depends_on = [module.project]
}

module "edge" {
  count  = var.domain == null ? 0 : 1
  source = "./modules/edge"

  project_id               = var.project_id
  region                   = var.region
  name                     = local.name_prefix
  domain                   = var.domain
  gateway_id               = module.gateway.gateway_id
  socket_service_name      = local.function_service_name[local.socket_function]
  tls_profile              = var.tls_profile
  requests_per_minute      = var.requests_per_minute
  auth_requests_per_minute = var.auth_requests_per_minute
  waf_preview              = var.waf_preview
  adaptive_protection      = var.adaptive_protection

  depends_on = [module.project]
}
