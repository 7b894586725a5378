variable "project_id" {
  description = "The project. Buckets' names begin with it, as no two in the world may be the same."
  type        = string
}

variable "name_prefix" {
  description = "What comes after the project in the buckets' names."
  type        = string
}

variable "location" {
  description = "Where buckets are, in capitals: `US`."
  type        = string
}

variable "allowed_origins" {
  description = "The origins that browsers may put and get files from, by signed addresses."
  type        = list(string)
  default     = []
}

variable "kms_key" {
  description = "The key that encrypts both buckets; null: Google's."
  type        = string
  default     = null
}

variable "deleted_files_days" {
  description = "For how many days a file that was deleted or replaced can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.deleted_files_days >= 7 && var.deleted_files_days <= 90 && floor(var.deleted_files_days) == var.deleted_files_days
    error_message = "deleted_files_days is a whole number from 7 to 90, as Cloud Storage's soft deletion wants it."
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
}

variable "lock_audit_retention" {
  description = "CANNOT BE UNDONE: nobody can shorten the retention from then on, nor delete the bucket while it has a checkpoint younger than that."
  type        = bool
  default     = false
}

variable "labels" {
  description = "Labels for what takes them."
  type        = map(string)
  default     = {}
}
