# What an environment wants of its functions.

variable "function_settings" {
  description = "What this environment wants of a function otherwise than its code does, by the function's name: instances, and more CPU or memory."
  type = map(object({
    min_instances = optional(number)
    max_instances = optional(number)
    cpu           = optional(string)
    memory        = optional(string)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.function_settings), local.function_names)) == 0
    error_message = "function_settings names functions that there are none of: ${join(", ", setsubtract(keys(var.function_settings), local.function_names))}."
  }
}

variable "first_image_tag" {
  description = "The commit whose images new functions start with; null: Google's hello image, which answers everything and would so lose events. Where others publish already, push the new function's image first and name its tag here."
  type        = string
  default     = null

  validation {
    condition     = var.first_image_tag == null || can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.first_image_tag))
    error_message = "first_image_tag is an image's tag, such as a commit."
  }
}

variable "min_instances" {
  description = "How many instances of each function always run. 0 costs nothing while nobody calls; 1 spares the first caller the start."
  type        = number
  default     = 0

  validation {
    condition     = var.min_instances >= 0 && var.min_instances <= 100 && floor(var.min_instances) == var.min_instances
    error_message = "min_instances is a whole number from 0 to 100."
  }
}

variable "max_instances" {
  description = "How many instances of each function may run."
  type        = number
  default     = 20

  validation {
    condition     = var.max_instances >= 1 && var.max_instances <= 1000 && floor(var.max_instances) == var.max_instances
    error_message = "max_instances is a whole number from 1 to 1000."
  }

  validation {
    condition     = var.max_instances >= var.min_instances
    error_message = "max_instances is less than min_instances."
  }
}

variable "environment_variables" {
  description = "Values of a function's own variables (see the README's table), by name: SESSION_IDLE_MINUTES, RATE_LIMIT_PER_MINUTE, LOG, GEMINI_MODEL and so on. Each goes to the functions that take it. No secrets: those go to extra_secrets."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment_variables) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "environment_variables are by names in capitals, such as SESSION_IDLE_MINUTES."
  }

  validation {
    condition     = length(setsubtract(keys(var.environment_variables), local.taken_variables)) == 0
    error_message = "No function takes these environment_variables: ${join(", ", setsubtract(keys(var.environment_variables), local.taken_variables))}. Is one misspelt?"
  }

  validation {
    condition = length(setintersection(keys(var.environment_variables), [
      "PLATFORM", "PORT", "HOST", "GOOGLE_CLOUD_PROJECT", "REGISTRY_DATABASE", "KMS_KEY_RING", "BLOBS_BUCKET", "CHECKPOINTS_BUCKET",
      "SIGNING_KEY_PEM", "VERIFYING_KEYS_PEM", "TRIGGER_AUDIENCE", "TRIGGER_SERVICE_ACCOUNTS", "TRIGGER_ISSUER", "TRIGGER_JWKS_URL",
      "TRUSTED_PROXIES", "ALLOWED_ORIGINS", "APP_URL", "PUBLIC_URL", "DEFAULT_TENANT", "FIRST_ADMIN_EMAIL", "GEMINI_LOCATION",
      "GEMINI_API_KEY", "OUTSIDE_ISSUERS", "OUTSIDE_ISSUERS_FILE", "IAM_GUARDED", "INSECURE_COOKIES",
    ])) == 0
    error_message = "environment_variables has one that Terraform sets itself or that has no place in the cloud; look for a variable of its own in variables.tf (app_url, allowed_origins, trusted_proxies, default_tenant, outside_issuers ..)."
  }

  validation {
    condition     = lookup(var.environment_variables, "BUILT_IN_SIGN_IN", "true") != "false" || length(var.outside_issuers) > 0
    error_message = "BUILT_IN_SIGN_IN = \"false\" leaves signing in to outside_issuers, and there are none: nobody could sign in."
  }
}

variable "extra_secrets" {
  description = "More secrets, by name: the variable that a function finds it in. Each goes to the functions that take that variable; those of outside_issuers' secretVariable to all that are told of issuers. The value is added by hand: `gcloud secrets versions add NAME --data-file=-`."
  type = map(object({
    variable = string
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.extra_secrets) : can(regex("^[a-z][a-z0-9-]{1,60}$", name))])
    error_message = "A secret's name is lower-case letters, digits and hyphens, and begins with a letter."
  }

  validation {
    condition     = length(setintersection(keys(var.extra_secrets), ["signing-key", "verifying-keys"])) == 0
    error_message = "signing-key and verifying-keys are made already."
  }

  validation {
    condition     = length(setsubtract([for secret in values(var.extra_secrets) : secret.variable], setunion(local.taken_variables, compact(var.outside_issuers[*].secretVariable)))) == 0
    error_message = "No function takes the variable of one of these secrets, and no outside issuer names it: ${join(", ", setsubtract([for secret in values(var.extra_secrets) : secret.variable], setunion(local.taken_variables, compact(var.outside_issuers[*].secretVariable))))}."
  }

  validation {
    condition = length(setintersection([for secret in values(var.extra_secrets) : secret.variable], [
      "OUTSIDE_ISSUERS", "OUTSIDE_ISSUERS_FILE", "GEMINI_API_KEY", "SIGNING_KEY_PEM", "VERIFYING_KEYS_PEM",
    ])) == 0
    error_message = "A secret's variable is set otherwise: OUTSIDE_ISSUERS by outside_issuers (the gateway has to know them too), GEMINI_API_KEY not at all (Vertex AI takes the function's own account), the signing keys by their own secrets."
  }

  validation {
    condition     = length(setsubtract(compact(var.outside_issuers[*].secretVariable), [for secret in values(var.extra_secrets) : secret.variable])) == 0
    error_message = "outside_issuers names a secretVariable that none of extra_secrets fills: ${join(", ", setsubtract(compact(var.outside_issuers[*].secretVariable), [for secret in values(var.extra_secrets) : secret.variable]))}. Say extra_secrets = { laravel-jwt-secret = { variable = \"LARAVEL_JWT_SECRET\" } }."
  }

  validation {
    condition     = length(distinct([for secret in values(var.extra_secrets) : secret.variable])) == length(var.extra_secrets)
    error_message = "Two of extra_secrets fill the same variable."
  }

  validation {
    condition = alltrue([
      for secret in values(var.extra_secrets) :
      can(regex("^[A-Z][A-Z0-9_]*$", secret.variable)) && !contains(keys(var.environment_variables), secret.variable)
    ])
    error_message = "A secret's variable is in capitals, such as LARAVEL_JWT_SECRET, and is not in environment_variables as well."
  }
}

variable "network_egress" {
  description = "How functions reach the outside: `direct` (no network; Google's services are reached on Google's own), `private` (calls to private addresses go through a network of yours), `all` (everything does, with one fixed address outward by Cloud NAT, which costs money by the hour)."
  type        = string
  default     = "direct"

  validation {
    condition     = contains(["direct", "private", "all"], var.network_egress)
    error_message = "network_egress is \"direct\", \"private\" or \"all\"."
  }
}
