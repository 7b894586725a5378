variable "project_id" {
  description = "The project."
  type        = string
}

variable "names" {
  description = "The secrets to make."
  type        = set(string)

  validation {
    condition     = alltrue([for name in var.names : can(regex("^[A-Za-z0-9_-]{1,255}$", name))])
    error_message = "A secret's name is letters, digits, hyphens and underscores."
  }
}

variable "regions" {
  description = "Where Secret Manager keeps its copies."
  type        = list(string)

  validation {
    condition     = length(var.regions) > 0 && length(distinct(var.regions)) == length(var.regions)
    error_message = "regions names at least one region, and each once."
  }
}

variable "labels" {
  description = "Labels for what takes them."
  type        = map(string)
  default     = {}
}
