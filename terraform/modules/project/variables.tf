variable "project_id" {
  description = "The project."
  type        = string
}

variable "services" {
  description = "The APIs to enable, such as `run.googleapis.com`."
  type        = set(string)

  validation {
    condition     = alltrue([for service in var.services : endswith(service, ".googleapis.com")])
    error_message = "services are APIs by their full names, such as run.googleapis.com."
  }
}

variable "agents" {
  description = "The APIs whose service agent is given rights, and so must be there before: each is one of services."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.agents, var.services)) == 0
    error_message = "agents has an API that is not among services: ${join(", ", setsubtract(var.agents, var.services))}."
  }
}

variable "storage_agent" {
  description = "Whether Cloud Storage's agent is given rights too."
  type        = bool
  default     = false
}

variable "roles" {
  description = "Custom roles, by id: those of Google's roles that would fit allow more than is needed."
  type = map(object({
    title       = string
    description = string
    permissions = set(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for id in keys(var.roles) : can(regex("^[a-zA-Z0-9_.]{3,64}$", id))])
    error_message = "A role's id is 3 to 64 letters, digits, underscores and points."
  }
}

variable "settle_seconds" {
  description = "How long to wait, after an API was enabled, an agent or a role was made, until they are used."
  type        = number
  default     = 60

  validation {
    condition     = var.settle_seconds >= 0 && floor(var.settle_seconds) == var.settle_seconds
    error_message = "settle_seconds is a whole number from 0."
  }
}
