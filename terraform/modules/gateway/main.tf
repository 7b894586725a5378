locals {
  values = merge(
    { for function, address in var.backends : "__BACKEND_${function}__" => address },
    { "__JWKS_URI__" = var.jwks_uri },
  )

  # The document, cut into placeholders and what is between them, and put together again with each placeholder's value.
  # (`replace` knows one pattern with one value; how many functions there are is the document's affair.)
  pieces    = regexall("__BACKEND_[a-z0-9-]+__|__JWKS_URI__|[^_]+|_", var.document)
  filled_in = join("", [for piece in local.pieces : lookup(local.values, piece, piece)])
  base      = jsondecode(local.filled_in)

  outside = { for number, issuer in var.outside_issuers : "outside-${number}" => issuer }

  # Tokens under a shared secret cannot be checked with published keys. Where such an issuer is trusted, the gateway lets all
  # through and the functions alone check, as they do in any case.
  checks_tokens = alltrue([for issuer in var.outside_issuers : issuer.jwks_uri != null])

  # A token is taken by any one of the schemes.
  with_issuers = merge(local.base, {
    security = [
      for one in concat(local.base.security, [for name in keys(local.outside) : { (name) = [] }]) : one if local.checks_tokens
    ]

    components = merge(local.base.components, {
      securitySchemes = merge(local.base.components.securitySchemes, {
        for name, issuer in local.outside : name => merge(local.base.components.securitySchemes.consentmd, {
          description = "Tokens of ${issuer.issuer}"
          x-google-auth = merge(local.base.components.securitySchemes.consentmd["x-google-auth"], {
            issuer    = issuer.issuer
            audiences = [issuer.audience]
            jwksUri   = issuer.jwks_uri
          })
        }) if local.checks_tokens
      })
    })
  })

  # As it stands where nobody else is trusted.
  document = length(var.outside_issuers) == 0 ? local.filled_in : jsonencode(local.with_issuers)

  # Configurations cannot be changed, so each has its contents' hash in its name: the new one is made, the gateway moves
  # over, the old one goes.
  config_id = "${var.name}-${substr(sha256("${local.document} ${var.service_account_email}"), 0, 12)}"
}

resource "google_api_gateway_api" "this" {
  provider = google-beta

  project      = var.project_id
  api_id       = var.name
  display_name = var.name
  labels       = var.labels
}

resource "google_api_gateway_api_config" "this" {
  provider = google-beta

  project       = var.project_id
  api           = google_api_gateway_api.this.api_id
  api_config_id = local.config_id
  display_name  = local.config_id
  labels        = var.labels

  openapi_documents {
    document {
      path     = "openapi.json"
      contents = base64encode(local.document)
    }
  }

  gateway_config {
    backend_config {
      google_service_account = var.service_account_email
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_api_gateway_gateway" "this" {
  provider = google-beta

  project      = var.project_id
  region       = var.region
  gateway_id   = var.name
  display_name = var.name
  api_config   = google_api_gateway_api_config.this.id
  labels       = var.labels
}
