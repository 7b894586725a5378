variable "project_id" {
  description = "The project that is watched."
  type        = string
}

variable "project_number" {
  description = "The same project's number; a budget wants it."
  type        = string
}

variable "region" {
  description = "Where the functions run."
  type        = string
}

variable "name" {
  description = "Names of alerts, the dashboard and services begin with it."
  type        = string
}

variable "labels" {
  description = "Labels of alerts, channels and datasets."
  type        = map(string)
  default     = {}
}

variable "functions" {
  description = "The functions that are watched, by name: their Cloud Run service, and whether they hold sockets open (the length of a connection is no latency)."
  type = map(object({
    service_name = string
    sockets      = bool
  }))

  validation {
    condition     = length(var.functions) > 0
    error_message = "There is no function to watch: terraform/generated/functions.json is empty. Run `make generate`."
  }
}

variable "subscriptions" {
  description = "Names of the push subscriptions."
  type        = list(string)
}

variable "dead_letter_subscriptions" {
  description = "Names of the subscriptions that keep what could not be delivered."
  type        = list(string)
}

variable "uptime_checks" {
  description = "What is asked every minute from three places in the United States, by name: a host, a path, the status that is right, and a text that must be in the answer."
  type = map(object({
    host    = string
    path    = string
    status  = optional(number, 200)
    content = optional(string)
  }))

  validation {
    condition     = alltrue([for check in values(var.uptime_checks) : startswith(check.path, "/")])
    error_message = "An uptime check's path must begin with a slash."
  }
}

variable "alert_emails" {
  description = "Who is told."
  type        = list(string)

  validation {
    condition     = alltrue([for email in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "An alert's receiver must be an e-mail address."
  }
}

# --- When to tell -----------------------------------------------------------------------------------------------------------

variable "error_percent" {
  description = "Above which share of a function's requests, in percent, server errors are told of."
  type        = number
  default     = 1

  validation {
    condition     = var.error_percent > 0 && var.error_percent < 100
    error_message = "The share of errors must be between 0 and 100 percent."
  }
}

variable "fewest_errors" {
  description = "How many server errors in ten minutes there must be: one of fifty at night is two percent and no incident."
  type        = number
  default     = 3
}

variable "latency_ms" {
  description = "Above how many milliseconds the 95th percentile of a function's answers to clients is too slow, and what the latency objective counts as quick. One of the bounds of the metric."
  type        = number
  default     = 200

  validation {
    condition     = contains([5, 10, 25, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000, 10000, 30000, 60000], var.latency_ms)
    error_message = "The latency must be one of the metric's bounds, otherwise it is guessed between two: 5, 10, 25, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 5000, 10000, 30000 or 60000."
  }
}

variable "outbox_seconds" {
  description = "How old the oldest event may be that waits to be published."
  type        = number
  default     = 300

  validation {
    condition     = contains([1, 5, 10, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 86400], var.outbox_seconds)
    error_message = "The outbox age must be one of the metric's bounds: 1, 5, 10, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 21600 or 86400."
  }
}

variable "audit_unsealed_seconds" {
  description = "How old the oldest audit entry may be that no checkpoint has sealed. Entries are sealed after two to three minutes."
  type        = number
  default     = 600

  validation {
    condition     = contains([1, 5, 10, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 86400], var.audit_unsealed_seconds)
    error_message = "The audit seal age must be one of the metric's bounds: 1, 5, 10, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 21600 or 86400."
  }
}

variable "unacknowledged_seconds" {
  description = "How old the oldest message may be that a subscription has not delivered."
  type        = number
  default     = 600
}

variable "alert_on_silence" {
  description = "Whether it is told when the code has not logged its ages for half an hour. Say true after the first deployment, once there is a tenant: before that there is nothing to log."
  type        = bool
  default     = false
}

variable "availability_goal" {
  description = "The share of requests that must not end in a server error, over 28 days."
  type        = number
  default     = 0.999

  validation {
    condition     = var.availability_goal > 0 && var.availability_goal <= 0.9999
    error_message = "An objective must be above 0 and at most 0.9999, what Service Monitoring takes."
  }
}

variable "latency_goal" {
  description = "The share of clients' requests that must be answered within latency_ms, over 28 days."
  type        = number
  default     = 0.95

  validation {
    condition     = var.latency_goal > 0 && var.latency_goal <= 0.9999
    error_message = "An objective must be above 0 and at most 0.9999, what Service Monitoring takes."
  }
}

variable "monthly_budget" {
  description = "Tells of costs at 50, 90 and 100 percent: the billing account's id, and an amount a month. Null: no budget. Whoever applies needs roles/billing.costsManager on the account."
  type = object({
    billing_account = string
    amount          = number
    currency        = optional(string, "USD")
  })
  default = null

  validation {
    condition     = var.monthly_budget == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.monthly_budget.billing_account))
    error_message = "A billing account's id looks like 012345-6789AB-CDEF01."
  }
}

# --- What is kept -----------------------------------------------------------------------------------------------------------

variable "dataset_location" {
  description = "Where BigQuery keeps logs. It cannot be changed later."
  type        = string
  default     = "US"

  validation {
    condition     = contains(["US", "EU"], var.dataset_location) || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.dataset_location))
    error_message = "BigQuery's locations are US, EU, or a region in small letters such as us-central1."
  }
}

variable "audit_log_retention_days" {
  description = "How long cloud audit logs are kept in BigQuery."
  type        = number
  default     = 2190

  validation {
    condition     = var.audit_log_retention_days >= 30 && floor(var.audit_log_retention_days) == var.audit_log_retention_days
    error_message = "Audit logs must be kept for at least 30 days."
  }
}

variable "access_log_retention_days" {
  description = "How long logs of requests are kept in BigQuery."
  type        = number
  default     = 2190

  validation {
    condition     = var.access_log_retention_days >= 1 && floor(var.access_log_retention_days) == var.access_log_retention_days
    error_message = "The days that access logs are kept must be a whole number from 1."
  }
}

variable "document_access_exempt" {
  description = "E-mails of the accounts whose reads and writes of documents leave no entry of Google's: the functions', whose own audit log has each access with its reason. Everybody else's leave one, and a person's are told of. Null: somebody else configures Firestore's audit logs."
  type        = list(string)
  default     = null
}
