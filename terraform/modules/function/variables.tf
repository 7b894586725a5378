variable "project_id" {
  description = "The project."
  type        = string
}

variable "region" {
  description = "The service's region."
  type        = string
}

variable "name" {
  description = "The function: the name of its crate, program, image and Cloud Run service."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,25}[a-z0-9]$", var.name))
    error_message = "A function's name is 4 to 27 lower-case letters, digits and hyphens, so that fn-<name> can be an account's name."
  }
}

variable "definition" {
  description = "What the code declares of the function: its entry in generated/functions.json."
  type = object({
    cpu            = string
    memory         = string
    concurrency    = number
    timeoutSeconds = number
    sockets        = bool
    needs          = set(string)
    environment    = set(string)
  })

  validation {
    condition = length(setsubtract(var.definition.needs, [
      "documents", "keys", "events", "files", "checkpoints", "signing", "live", "model"
    ])) == 0
    error_message = "The function ${var.name} needs something that this module has no rights for: ${join(", ", setsubtract(var.definition.needs, ["documents", "keys", "events", "files", "checkpoints", "signing", "live", "model"]))}. Say in modules/function/rights.tf which rights it is, and add it to this list."
  }

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.definition.cpu)
    error_message = "The function ${var.name} has ${var.definition.cpu} CPUs; Cloud Run serves many requests at once on 1, 2, 4, 6 or 8."
  }

  validation {
    condition = try(
      can(regex("^[0-9]+Mi$", var.definition.memory)) ? tonumber(trimsuffix(var.definition.memory, "Mi")) >= 512 : tonumber(trimsuffix(var.definition.memory, "Gi")) >= 1,
      false
    )
    error_message = "The function ${var.name} has ${var.definition.memory} of memory; the second generation's environment wants 512Mi or more, written as 512Mi or 1Gi."
  }

  validation {
    condition     = var.definition.concurrency >= 1 && var.definition.concurrency <= 1000
    error_message = "The function ${var.name} takes ${var.definition.concurrency} requests at once; Cloud Run takes 1 to 1000."
  }

  validation {
    condition     = var.definition.timeoutSeconds >= 1 && var.definition.timeoutSeconds <= 3600
    error_message = "The function ${var.name} takes up to ${var.definition.timeoutSeconds} s; Cloud Run ends a request after 3600 s at most."
  }
}

variable "image" {
  description = "The image of the first revision. The pipeline deploys the others, and this is not looked at again."
  type        = string
}

variable "min_instances" {
  description = "How many instances always run."
  type        = number
  default     = 0
}

variable "max_instances" {
  description = "How many instances may run."
  type        = number
  default     = 20

  validation {
    condition     = var.max_instances >= max(1, var.min_instances)
    error_message = "max_instances is less than min_instances, or than 1."
  }
}

variable "audience" {
  description = "The text that the tokens of triggers and callers are for."
  type        = string
}

variable "invokers" {
  description = "Who may call the service, as IAM members by a name of your choice. A service with sockets is open to all: it checks its callers itself."
  type        = map(string)
  default     = {}
}

variable "behind_load_balancer" {
  description = "Whether people reach a service with sockets through the load balancer alone."
  type        = bool
  default     = false
}

variable "resources" {
  description = "What functions work with. Each gets rights to, and variables of, what it needs."
  type = object({
    registry_database     = string
    key_ring              = string
    files_bucket          = string
    checkpoints_bucket    = string
    signing_key_secret    = string
    verifying_keys_secret = string
    live_topic            = string
    model_location        = string

    # The full names of roles that Google has none of as small as this.
    roles = object({
      checkpoint_keeper = string
      file_keeper       = string
      key_viewer        = string
      live_subscriber   = string
      model_asker       = string
      url_signer        = string
    })
  })
}

variable "trigger_account_email" {
  description = "The account as which Pub/Sub and Scheduler call."
  type        = string
}

variable "trusted_proxies" {
  description = "How many entries of X-Forwarded-For Google appends on the way to this function."
  type        = number

  validation {
    condition     = var.trusted_proxies >= 1 && var.trusted_proxies <= 5 && floor(var.trusted_proxies) == var.trusted_proxies
    error_message = "trusted_proxies is a whole number from 1 to 5."
  }
}

variable "settings" {
  description = "Values of variables that functions take, by name; null is left out. The function gets those that it names in its definition."
  type        = map(string)
  default     = {}
}

variable "secret_settings" {
  description = "The secrets behind variables that functions take, by the variable's name. The function gets those that it names in its definition."
  type        = map(string)
  default     = {}
}

variable "network" {
  description = "The network and subnet that calls go through, and which calls (`PRIVATE_RANGES_ONLY` or `ALL_TRAFFIC`); null: none."
  type = object({
    network    = string
    subnetwork = string
    egress     = string
  })
  default = null

  validation {
    condition     = var.network == null || contains(["PRIVATE_RANGES_ONLY", "ALL_TRAFFIC"], try(var.network.egress, ""))
    error_message = "egress is PRIVATE_RANGES_ONLY or ALL_TRAFFIC."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the service."
  type        = bool
  default     = true
}

variable "settle_seconds" {
  description = "How long to wait after a new function got its rights before it is started: Cloud Run refuses a revision whose secret it may not read yet."
  type        = number
  default     = 60
}

variable "labels" {
  description = "Labels for what takes them."
  type        = map(string)
  default     = {}
}
