variable "project_id" {
  description = "The project."
  type        = string
}

variable "region" {
  description = "The job's region."
  type        = string
}

variable "name" {
  description = "The job's name, which is also its program's and its image's."
  type        = string
}

variable "image" {
  description = "The job's first image. The pipeline deploys the others, and this is not looked at again."
  type        = string
}

variable "executors" {
  description = "Who may run the job with arguments of their choice, as IAM members by a name of your choice."
  type        = map(string)
}

variable "environment" {
  description = "The variables that the program gets."
  type        = map(string)
}

variable "key_ring" {
  description = "The tenants' key ring."
  type        = string
}

variable "roles" {
  description = "The full names of roles that Google has none of as small as this."
  type = object({
    database_maker = string
    event_viewer   = string
    key_maker      = string
    object_reader  = string
    secret_renewer = string
  })
}

variable "secret_environment" {
  description = "The secrets behind variables that the program gets, by the variable's name."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setintersection(keys(var.secret_environment), ["SIGNING_KEY_PEM", "VERIFYING_KEYS_PEM"])) == 0
    error_message = "The job reads the signing keys itself: as variables they would keep it from starting before there is one."
  }
}

variable "settle_seconds" {
  description = "How long to wait after the job got a right to a secret before it is made."
  type        = number
  default     = 60
}

variable "secrets" {
  description = "The secrets whose versions the job reads, adds and destroys, by name."
  type        = map(string)
}

variable "buckets" {
  description = "The buckets that the job reads."
  type        = map(string)
}

variable "network" {
  description = "The network and subnet that calls go through, and which calls; null: none."
  type = object({
    network    = string
    subnetwork = string
    egress     = string
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to delete the job."
  type        = bool
  default     = false
}

variable "labels" {
  description = "Labels for what takes them."
  type        = map(string)
  default     = {}
}
