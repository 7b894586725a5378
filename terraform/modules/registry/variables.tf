variable "project_id" {
  description = "The project."
  type        = string
}

variable "region" {
  description = "Where images are: the functions' region, so that instances start quickly."
  type        = string
}

variable "name" {
  description = "The repository's name."
  type        = string
}

variable "keep_versions" {
  description = "How many versions of each image always stay, to go back to."
  type        = number
  default     = 20

  validation {
    condition     = var.keep_versions >= 2
    error_message = "keep_versions is at least 2: the one that serves, and the one to go back to."
  }
}

variable "keep_days" {
  description = "For how many days every version stays."
  type        = number
  default     = 60

  validation {
    condition     = var.keep_days >= 1 && floor(var.keep_days) == var.keep_days
    error_message = "keep_days is a whole number from 1."
  }
}

variable "scan" {
  description = "Whether images are scanned for known vulnerabilities when they are pushed; paid for by the image."
  type        = bool
  default     = true
}

variable "labels" {
  description = "Labels for what takes them."
  type        = map(string)
  default     = {}
}
