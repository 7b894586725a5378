variable "project_id" {
  description = "The project."
  type        = string
}

variable "name" {
  description = "The database: `(default)`, or 4 to 63 lower-case letters, digits and hyphens."
  type        = string

  validation {
    condition     = var.name == "(default)" || can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.name))
    error_message = "A database is called (default), or 4 to 63 lower-case letters, digits and hyphens, beginning with a letter."
  }

  validation {
    condition     = !can(regex("^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", var.name))
    error_message = "Firestore takes no database whose name looks like a UUID."
  }
}

variable "location" {
  description = "Where the documents are; it can never be changed."
  type        = string
}

variable "prefixes" {
  description = "The prefix of each tenant that lives here: [\"\"] where a tenant has the database for itself, [] where none lives here (the registry)."
  type        = set(string)
  default     = [""]
}

variable "definitions" {
  description = "What the code declares: generated/firestore.json."
  type = object({
    indexes = map(object({
      collection = string
      nested     = bool
      fields = list(object({
        path  = string
        order = optional(string)
        array = optional(string)
      }))
    }))
    ttl = list(object({
      collection = string
      nested     = bool
    }))
    ttlField = string
    unindexed = list(object({
      collection = string
      nested     = bool
      field      = string
    }))
  })

  validation {
    condition = alltrue([
      for index in values(var.definitions.indexes) : length(index.fields) >= 2 && alltrue([
        for field in index.fields :
        (field.array == null && contains(["ASCENDING", "DESCENDING"], coalesce(field.order, "-"))) ||
        (field.order == null && coalesce(field.array, "-") == "CONTAINS")
      ])
    ])
    error_message = "A composite index has two fields or more, each with an order (ASCENDING or DESCENDING) or with array = CONTAINS, not both. Single fields Firestore indexes by itself."
  }
}

variable "kms_key" {
  description = "The key that encrypts the database; null: Google's. It can never be changed."
  type        = string
  default     = null
}
