# How data is kept, and for how long.

variable "deletion_protection" {
  description = "Whether services and the operators' job refuse to be deleted. Databases always do."
  type        = bool
  default     = true

  validation {
    condition     = var.environment != "prod" || var.deletion_protection
    error_message = "prod keeps deletion_protection."
  }
}

variable "own_storage_keys" {
  description = "Whether databases, buckets and topics are encrypted under keys in your own key ring, beside the sealing that the functions do. A database's choice can never be changed."
  type        = bool
  default     = false
}

variable "key_protection_level" {
  description = "Where keys are: `SOFTWARE`, or `HSM` for hardware (each key then costs more by the month)."
  type        = string
  default     = "SOFTWARE"

  validation {
    condition     = contains(["SOFTWARE", "HSM"], var.key_protection_level)
    error_message = "key_protection_level is \"SOFTWARE\" or \"HSM\"."
  }
}

variable "audit_retention_years" {
  description = "For how many years nobody can remove or change an audit checkpoint."
  type        = number
  default     = 6

  validation {
    condition     = var.audit_retention_years >= 1 && var.audit_retention_years <= 99
    error_message = "audit_retention_years is from 1 to 99."
  }

  validation {
    condition     = var.environment != "prod" || var.audit_retention_years >= 6
    error_message = "HIPAA asks for 6 years: prod keeps audit checkpoints for 6 years or longer."
  }
}

variable "lock_audit_retention" {
  description = "CANNOT BE UNDONE. True locks the checkpoints' retention: from then on nobody, Google included, can shorten it, nor delete the bucket or its project's billing of it, until the last checkpoint is old enough."
  type        = bool
  default     = false
}

variable "data_access_logs" {
  description = "The APIs whose every use of data leaves a log entry of Google's. Firestore is not among them: the functions' own audit log has each access to a patient's record, with its reason."
  type        = set(string)
  default     = ["cloudkms.googleapis.com", "secretmanager.googleapis.com", "storage.googleapis.com"]

  validation {
    condition     = alltrue([for service in var.data_access_logs : endswith(service, ".googleapis.com") || service == "allServices"])
    error_message = "data_access_logs are APIs by their full names, such as storage.googleapis.com."
  }
}

variable "access_log_retention_days" {
  description = "For how many days logs of requests are kept in BigQuery."
  type        = number
  default     = 2190

  validation {
    condition     = var.access_log_retention_days >= 1 && floor(var.access_log_retention_days) == var.access_log_retention_days
    error_message = "access_log_retention_days is a whole number from 1."
  }

  validation {
    condition     = var.environment != "prod" || var.access_log_retention_days >= 2190
    error_message = "HIPAA asks for 6 years: prod keeps access logs for 2190 days or longer."
  }
}
