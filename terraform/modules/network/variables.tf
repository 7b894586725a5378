variable "project_id" {
  description = "The project."
  type        = string
}

variable "region" {
  description = "The functions' region."
  type        = string
}

variable "name" {
  description = "What the network and its parts are called."
  type        = string
}

variable "range" {
  description = "The subnet's addresses. Cloud Run takes up to two for each instance while revisions change."
  type        = string
  default     = "10.20.0.0/20"

  validation {
    condition     = can(cidrhost(var.range, 0)) && try(tonumber(split("/", var.range)[1]) <= 26, false)
    error_message = "range is a block of addresses of /26 or larger, such as 10.20.0.0/20."
  }
}

variable "fixed_address" {
  description = "Whether everything that functions send outward comes from one fixed address, by Cloud NAT."
  type        = bool
}

variable "labels" {
  description = "Labels for what takes them."
  type        = map(string)
  default     = {}
}
