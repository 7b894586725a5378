variable "project_id" {
  description = "The project that is built in and deployed to."
  type        = string
}

variable "region" {
  description = "Where Cloud Build runs; for a connected repository, the region of its connection."
  type        = string
}

variable "name" {
  description = "The trigger's name."
  type        = string
}

variable "environment" {
  description = "dev or prod."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "The environment must be dev or prod."
  }
}

variable "github_repository" {
  description = "The repository on GitHub that is built; null: no trigger."
  type = object({
    owner = string
    name  = string
  })
  default = null
}

variable "connection" {
  description = "The Cloud Build connection (2nd generation) that reaches the repository, projects/P/locations/L/connections/NAME; null: the GitHub app (1st generation) does."
  type        = string
  default     = null

  validation {
    condition     = var.connection == null || can(regex("^projects/[^/]+/locations/${var.region}/connections/[^/]+$", var.connection))
    error_message = "The connection must be projects/PROJECT/locations/${var.region}/connections/NAME: it, the repository and the trigger are in one region."
  }
}

variable "branch" {
  description = "The branch that is built; its name, no pattern."
  type        = string
  default     = "main"
}

variable "on_push" {
  description = "Whether each push to the branch is built; false: someone runs the trigger by hand, which takes the branch as it is then."
  type        = bool
  default     = true
}

variable "service_account_email" {
  description = "The account that builds and deploys."
  type        = string
}

variable "substitutions" {
  description = "What cloudbuild.yaml is told; names begin with an underscore."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.substitutions) : can(regex("^_[A-Z0-9_]+$", name))])
    error_message = "A substitution's name must be an underscore and capital letters, digits or underscores."
  }
}

variable "approval_required" {
  description = "Whether a person has to approve each build; null: in prod."
  type        = bool
  default     = null
}
