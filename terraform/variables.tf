# What an environment is: this file, variables_functions.tf and variables_data.tf. Only `project_id` and `environment` have no
# default; `environments/*.tfvars` fill in the rest.

variable "project_id" {
  description = "The project that everything is made in. It exists already and has a billing account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a project's id, such as consentmd-prod: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter. Its name or number is something else."
  }
}

variable "environment" {
  description = "Which environment this is: `dev` or `prod`. It is a label, and `prod` refuses settings that lose data."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment is \"dev\" or \"prod\"."
  }
}

variable "labels" {
  description = "More labels for everything that takes labels, such as a cost centre."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for key, value in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "Labels are lower-case letters, digits, hyphens and underscores, 63 at most; a label's name begins with a letter."
  }
}

# Where

variable "region" {
  description = "The region of the functions, the images, the schedules and the gateway."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is a region, such as us-central1; a zone (us-central1-a) or a multi-region (us) is something else."
  }

  validation {
    condition     = var.allow_regions_outside_us || startswith(var.region, "us-")
    error_message = "region is outside the United States, and patients' data would go there. If your agreements allow that, set allow_regions_outside_us = true."
  }
}

variable "firestore_location" {
  description = "Where documents are: a multi-region such as `nam5`, or a region. It can never be changed."
  type        = string
  default     = "nam5"

  validation {
    condition     = can(regex("^([a-z]+[0-9]|[a-z]+-[a-z]+[0-9]+)$", var.firestore_location))
    error_message = "firestore_location is a multi-region such as nam5, or a region such as us-central1."
  }

  validation {
    condition = var.allow_regions_outside_us || contains(["nam5", "nam7"], var.firestore_location) || startswith(
      var.firestore_location, "us-"
    )
    error_message = "firestore_location is outside the United States (nam5, nam7 and us-* are inside). If your agreements allow that, set allow_regions_outside_us = true."
  }
}

variable "kms_location" {
  description = "Where keys are: a multi-region such as `us`, or a region. With own_storage_keys it must fit firestore_location (nam5 wants us) and storage_location. It can never be changed."
  type        = string
  default     = "us"

  validation {
    condition     = can(regex("^([a-z]+[0-9]*|[a-z]+-[a-z]+[0-9]+)$", var.kms_location))
    error_message = "kms_location is a multi-region such as us, or a region such as us-central1, in small letters."
  }

  validation {
    condition     = var.allow_regions_outside_us || var.kms_location == "us" || startswith(var.kms_location, "us-")
    error_message = "kms_location is outside the United States. If your agreements allow that, set allow_regions_outside_us = true."
  }
}

variable "storage_location" {
  description = "Where buckets are: a multi-region such as `US`, or a region. It can never be changed."
  type        = string
  default     = "US"

  validation {
    condition     = can(regex("^([A-Z]+[0-9]*|[A-Z]+-[A-Z]+[0-9]+)$", var.storage_location))
    error_message = "storage_location is written in capitals, as Cloud Storage answers it: US, NAM4, US-CENTRAL1."
  }

  validation {
    condition     = var.allow_regions_outside_us || contains(["US", "NAM4"], var.storage_location) || startswith(var.storage_location, "US-")
    error_message = "storage_location is outside the United States. If your agreements allow that, set allow_regions_outside_us = true."
  }
}

variable "message_regions" {
  description = "Where Pub/Sub may store messages."
  type        = list(string)
  default     = ["us-central1", "us-east1", "us-east4", "us-west1"]

  validation {
    condition     = length(var.message_regions) > 0
    error_message = "message_regions names at least one region; an empty list would let Pub/Sub store messages anywhere."
  }

  validation {
    condition     = var.allow_regions_outside_us || alltrue([for region in var.message_regions : startswith(region, "us-")])
    error_message = "message_regions has a region outside the United States. If your agreements allow that, set allow_regions_outside_us = true."
  }
}

variable "secret_regions" {
  description = "Where Secret Manager keeps its copies of secrets."
  type        = list(string)
  default     = ["us-central1", "us-east1"]

  validation {
    condition     = length(var.secret_regions) > 0 && length(distinct(var.secret_regions)) == length(var.secret_regions)
    error_message = "secret_regions names at least one region, and each once."
  }

  validation {
    condition     = var.allow_regions_outside_us || alltrue([for region in var.secret_regions : startswith(region, "us-")])
    error_message = "secret_regions has a region outside the United States. If your agreements allow that, set allow_regions_outside_us = true."
  }
}

variable "model_location" {
  description = "Where Vertex AI runs the scribe's model. `global` would let a visit's words be read anywhere."
  type        = string
  default     = "us-central1"

  validation {
    condition     = var.allow_regions_outside_us || startswith(var.model_location, "us-")
    error_message = "model_location is outside the United States. If your agreements allow that, set allow_regions_outside_us = true."
  }
}

variable "allow_regions_outside_us" {
  description = "Whether patients' data may leave the United States. Say true only when your agreements with Google and with your patients allow it."
  type        = bool
  default     = false
}

# How people reach it

variable "domain" {
  description = "The host that frontends call, such as `api.consentmd.com`. With it comes a load balancer with a certificate and Cloud Armor; null is for trying things out."
  type        = string
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is a host alone, in small letters: api.consentmd.com, without https:// and without a path."
  }
}

variable "app_url" {
  description = "Where the frontend is; links in messages begin with it."
  type        = string
  default     = null

  validation {
    condition     = var.app_url == null || can(regex("^https?://[^/]+$", var.app_url))
    error_message = "app_url is an address without a path, such as https://app.consentmd.com."
  }

  validation {
    condition     = var.environment != "prod" || startswith(coalesce(var.app_url, "-"), "https://")
    error_message = "prod needs an app_url that begins with https://: without one the links in e-mails lead to http://localhost:3000."
  }
}

variable "allowed_origins" {
  description = "The origins that browsers may call from, and put files from."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.allowed_origins : can(regex("^https?://[^/*,]+$", origin))])
    error_message = "allowed_origins are scheme and host, such as https://app.consentmd.com: no path, no slash at the end, no *."
  }

  validation {
    condition     = var.environment != "prod" || alltrue([for origin in var.allowed_origins : startswith(origin, "https://")])
    error_message = "In prod every allowed origin begins with https://."
  }
}

variable "trusted_proxies" {
  description = "How many entries of X-Forwarded-For Google appends, for REST and for sockets; null: as many as the README says for this shape."
  type = object({
    rest    = number
    sockets = number
  })
  default = null

  validation {
    condition = var.trusted_proxies == null || alltrue([
      for count in values(coalesce(var.trusted_proxies, { rest = 1, sockets = 1 })) :
      count >= 1 && count <= 5 && floor(count) == count
    ])
    error_message = "trusted_proxies are whole numbers from 1 to 5."
  }
}

# Tenants and people

variable "tenants" {
  description = "The tenants whose database and key Terraform makes, by tenant id. Small tenants may share a database under different prefixes. `consentmd admin create --new-tenant` makes the rest."
  type = map(object({
    database = optional(string)
    prefix   = optional(string, "")
  }))
  default = {}

  validation {
    condition     = alltrue([for id in keys(var.tenants) : can(regex("^[a-z][a-z0-9-]{1,38}[a-z0-9]$", id))])
    error_message = "A tenant's id is 3 to 40 lower-case letters, digits and hyphens, and begins with a letter."
  }

  validation {
    condition = alltrue([
      for tenant in values(var.tenants) :
      tenant.database == null || tenant.database == "(default)" || can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", tenant.database))
    ])
    error_message = "A tenant's database is (default), or 4 to 63 lower-case letters, digits and hyphens that begin with a letter."
  }

  validation {
    condition     = alltrue([for id, tenant in var.tenants : tenant.database != null || length(id) >= 4])
    error_message = "A tenant's database has the tenant's id as its name, unless another is given, and Firestore wants 4 characters at least: name a database."
  }

  validation {
    condition     = alltrue([for tenant in values(var.tenants) : can(regex("^([a-z][a-z0-9-]{0,38}[._-])?$", tenant.prefix))])
    error_message = "A tenant's prefix is empty, or begins with a letter and ends with a point, a hyphen or an underscore, such as \"lakeside.\"."
  }

  validation {
    condition = length(distinct([
      for id, tenant in var.tenants : "${coalesce(tenant.database, id)}/${tenant.prefix}"
    ])) == length(var.tenants)
    error_message = "Two tenants have the same database and prefix: each would see the other's patients."
  }
}

variable "default_tenant" {
  description = "The tenant of a sign-in that names none."
  type        = string
  default     = null
}

variable "first_admin_email" {
  description = "Who is invited to administer default_tenant while it has no administrator."
  type        = string
  default     = null

  validation {
    condition     = var.first_admin_email == null || can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.first_admin_email))
    error_message = "first_admin_email is an e-mail address."
  }

  validation {
    condition     = var.first_admin_email == null || var.default_tenant != null
    error_message = "first_admin_email is invited to default_tenant: set that too."
  }
}

variable "operators" {
  description = "Who may run the operators' job, as IAM members such as `group:ops@clinic.example`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.operators : can(regex("^(user|group|serviceAccount|principal|principalSet):.+$", member))])
    error_message = "operators are IAM members: user:ada@clinic.example, group:ops@clinic.example, serviceAccount:.. ."
  }
}

variable "alert_emails" {
  description = "Who is told when something is wrong."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "alert_emails are e-mail addresses."
  }

  validation {
    condition     = var.environment != "prod" || length(var.alert_emails) > 0
    error_message = "prod needs alert_emails: otherwise nobody hears of an outage."
  }
}

# Building

variable "github_repository" {
  description = "The repository that is built and deployed; null: no trigger is made."
  type = object({
    owner = string
    name  = string
  })
  default = null

  validation {
    condition = var.github_repository == null || can(regex(
      "^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", "${var.github_repository.owner}/${var.github_repository.name}"
    ))
    error_message = "github_repository is { owner = \"your-organisation\", name = \"consentmd\" }."
  }
}

variable "build_connection" {
  description = "The Cloud Build connection (2nd generation) to GitHub, `projects/P/locations/L/connections/NAME`, made once in the console; null: the 1st generation's GitHub app is connected."
  type        = string
  default     = null

  validation {
    condition     = var.build_connection == null || can(regex("^projects/[^/]+/locations/[^/]+/connections/[^/]+$", var.build_connection))
    error_message = "build_connection is projects/PROJECT/locations/REGION/connections/NAME."
  }
}

variable "branch" {
  description = "The branch whose pushes are deployed."
  type        = string
  default     = "main"

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", var.branch))
    error_message = "branch is a branch's name, such as main; not a pattern."
  }
}

variable "deploy_on_push" {
  description = "Whether a push to the branch is deployed by itself; false: someone runs the trigger by hand."
  type        = bool
  default     = true
}

variable "enable_firebase" {
  description = "Whether the project becomes a Firebase project, for push messages to phones. Its terms must have been accepted in the console. It cannot be undone."
  type        = bool
  default     = false
}
