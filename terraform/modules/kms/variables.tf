variable "project_id" {
  description = "The project."
  type        = string
}

variable "location" {
  description = "Where keys are: `us` for Firestore's nam5 and buckets in US."
  type        = string
}

variable "name_prefix" {
  description = "What the key rings' names begin with."
  type        = string
}

variable "tenants" {
  description = "The tenants whose key is made here, by tenant id."
  type        = set(string)
  default     = []

  validation {
    condition     = !contains(var.tenants, "registry")
    error_message = "No tenant may be called registry: its key would be the registry's."
  }
}

variable "storage_agents" {
  description = "Who encrypts stored data, by kind of storage (documents, files, messages): IAM members. Each gets a key of its own in another ring; empty: Google's own keys are used."
  type        = map(string)
  default     = {}
}

variable "protection_level" {
  description = "`SOFTWARE` or `HSM`."
  type        = string
  default     = "SOFTWARE"

  validation {
    condition     = contains(["SOFTWARE", "HSM"], var.protection_level)
    error_message = "protection_level is SOFTWARE or HSM."
  }
}

variable "rotation_days" {
  description = "After how many days a key gets a new version."
  type        = number
  default     = 90

  validation {
    condition     = var.rotation_days >= 1 && var.rotation_days <= 365 && floor(var.rotation_days) == var.rotation_days
    error_message = "rotation_days is a whole number from 1 to 365."
  }
}

variable "labels" {
  description = "Labels for what takes them."
  type        = map(string)
  default     = {}
}
