# Identity providers whose tokens count beside ours: functions are told of them, and the gateway has to know them as well.

variable "outside_issuers" {
  description = "Identity providers whose tokens are taken beside ours. The fields are those of functions/identity/README.md; a shared secret is never written here: secretVariable names the variable that extra_secrets fills."
  type = list(object({
    issuer         = string
    audience       = optional(string)
    jwksUrl        = optional(string)
    algorithm      = optional(string)
    secretVariable = optional(string)
    tenant         = optional(string)
    tenantClaim    = optional(string)
    tenants        = optional(list(string))
    claims         = optional(map(string))
    roles          = optional(map(string))
    defaultRole    = optional(string)
    verifiesStaff  = optional(bool)
    linkByEmail    = optional(bool)
    userEndpoint   = optional(object({ url = string, cacheSeconds = optional(number) }))
    signInUrl      = optional(string)
  }))
  default = []

  validation {
    condition     = length(distinct(var.outside_issuers[*].issuer)) == length(var.outside_issuers) && !contains(var.outside_issuers[*].issuer, "consentmd") && !contains(var.outside_issuers[*].issuer, "")
    error_message = "Each of outside_issuers has an issuer of its own: the token's iss, to the letter, and not consentmd."
  }

  validation {
    condition     = alltrue([for one in var.outside_issuers : (one.jwksUrl == null) != (one.secretVariable == null)])
    error_message = "Each of outside_issuers has either jwksUrl or secretVariable."
  }

  validation {
    condition     = alltrue([for one in var.outside_issuers : one.jwksUrl == null || (startswith(coalesce(one.jwksUrl, "-"), "https://") && one.audience != null)])
    error_message = "With jwksUrl (which begins with https://) an issuer needs an audience: without it, tokens for its other services would count."
  }

  validation {
    condition     = alltrue([for one in var.outside_issuers : one.algorithm == null || (one.jwksUrl != null && contains(["RS256", "ES256"], coalesce(one.algorithm, "-")))])
    error_message = "algorithm is \"RS256\" or \"ES256\", and is left out with a shared secret."
  }

  validation {
    condition = alltrue([
      for one in var.outside_issuers :
      (one.tenant == null) != (one.tenantClaim == null) && (one.tenantClaim == null || length(coalesce(one.tenants, [])) > 0)
    ])
    error_message = "Each of outside_issuers has either tenant, or tenantClaim and the tenants that it may name."
  }

  validation {
    condition = alltrue([
      for one in var.outside_issuers :
      (one.defaultRole != null || length(coalesce(one.roles, {})) > 0) &&
      !contains(concat(values(coalesce(one.roles, {})), [coalesce(one.defaultRole, "-")]), "SuperAdmin")
    ])
    error_message = "Each of outside_issuers has roles or defaultRole, else nobody could sign in; none of them is SuperAdmin, which is over all tenants."
  }
}

locals {
  # What is not said is left out: functions read an absent field as its default, and null as a mistake.
  outside_issuers_json = length(var.outside_issuers) == 0 ? null : jsonencode([
    for one in var.outside_issuers : { for field, value in one : field => value if value != null }
  ])

  # Variables that no function declares: an issuer's configuration names them.
  issuer_secret_variables = toset(compact(var.outside_issuers[*].secretVariable))

  # Whoever is told of issuers needs their secrets; the operators' job too, since its configuration names them.
  issuer_secrets = { for variable, secret in local.secret_settings : variable => secret if contains(local.issuer_secret_variables, variable) }

  variables_of = {
    for name, function in local.functions :
    name => setunion(function.environment, contains(function.environment, "OUTSIDE_ISSUERS") ? local.issuer_secret_variables : [])
  }
}
