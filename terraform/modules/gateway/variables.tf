variable "project_id" {
  description = "The project that the gateway is in."
  type        = string
}

variable "region" {
  description = "Where the gateway runs; API Gateway is not in every region."
  type        = string

  validation {
    # The locations of API Gateway, those of the United States first.
    condition = contains([
      "us-central1", "us-east1", "us-east4", "us-west2", "us-west3", "us-west4",
      "asia-northeast1", "australia-southeast1", "europe-west1", "europe-west2",
    ], var.region)
    error_message = "API Gateway has no location in \"${var.region}\". In the United States there are us-central1, us-east1, us-east4, us-west2, us-west3 and us-west4."
  }
}

variable "name" {
  description = "The name of the API and of the gateway; the API's configurations begin with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,48}[a-z0-9]$", var.name))
    error_message = "The gateway's name must be 2 to 50 lower-case letters, digits and hyphens, and begin with a letter; \"${var.name}\" is not."
  }
}

variable "document" {
  description = "The API's document as `make generate` writes it (infra/gateway/openapi.json): OpenAPI 3.x as JSON, with the placeholders __BACKEND_<function>__ and __JWKS_URI__."
  type        = string

  validation {
    condition     = can(regex("^3\\.", jsondecode(var.document).openapi))
    error_message = "The gateway's document must be JSON of OpenAPI 3.x. Run `make generate` to write infra/gateway/openapi.json anew."
  }

  validation {
    condition     = try(length(jsondecode(var.document)["x-google-api-management"].backends) > 0, false)
    error_message = "The gateway's document names no backends (x-google-api-management.backends). Run `make generate` to write it anew."
  }

  validation {
    condition     = length(setsubtract(flatten(regexall("__BACKEND_([a-z0-9-]+)__", var.document)), keys(var.backends))) == 0
    error_message = "The gateway's document sends requests to functions that are not deployed: ${join(", ", setsubtract(flatten(regexall("__BACKEND_([a-z0-9-]+)__", var.document)), keys(var.backends)))}. Run `make generate`, so that the document and functions.json name the same ones."
  }

  validation {
    condition     = length(setsubtract(regexall("__[A-Z][A-Z0-9_]*__", var.document), ["__JWKS_URI__"])) == 0
    error_message = "The gateway's document has placeholders that this module knows nothing of: ${join(", ", setsubtract(regexall("__[A-Z][A-Z0-9_]*__", var.document), ["__JWKS_URI__"]))}."
  }
}

variable "backends" {
  description = "The address of each function's service, by the function's name: https://.., without a path."
  type        = map(string)

  validation {
    condition     = alltrue([for address in values(var.backends) : can(regex("^https://[a-z0-9.-]+$", address))])
    error_message = "A backend's address must be https:// and a host, without a path or a slash at the end."
  }
}

variable "jwks_uri" {
  description = "Where the gateway gets the public keys that access tokens are checked with."
  type        = string

  validation {
    condition     = can(regex("^https://[^\"\\\\\\s]+$", var.jwks_uri))
    error_message = "The address of the public keys must begin with https://."
  }
}

variable "outside_issuers" {
  description = "Whose tokens count beside ours: the issuer, whom its tokens are for, and where its public keys are; null for one with a shared secret."
  type = list(object({
    issuer   = string
    audience = optional(string)
    jwks_uri = optional(string)
  }))
  default = []

  validation {
    condition     = alltrue([for one in var.outside_issuers : one.jwks_uri == null || one.audience != null])
    error_message = "An issuer that publishes its keys needs an audience: without it, tokens for its other services would count."
  }

  validation {
    condition     = alltrue([for one in var.outside_issuers : one.jwks_uri == null || can(regex("^https://[^\"\\\\\\s]+$", one.jwks_uri))])
    error_message = "The address of an issuer's public keys must begin with https://."
  }

  validation {
    condition     = length(var.outside_issuers) == 0 || can(jsondecode(var.document).components.securitySchemes.consentmd["x-google-auth"].jwksUri) && can(jsondecode(var.document).security[0].consentmd)
    error_message = "The gateway's document has no security scheme consentmd that those of outside issuers could stand beside. Run `make generate` to write it anew."
  }
}

variable "service_account_email" {
  description = "The account that the gateway calls functions as. It needs roles/run.invoker on each of them."
  type        = string
}

variable "labels" {
  description = "Labels of all resources."
  type        = map(string)
  default     = {}
}
