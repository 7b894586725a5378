variable "project_id" {
  description = "The project that becomes a Firebase project too."
  type        = string
}

variable "name" {
  description = "What the apps are called in the console."
  type        = string
}

variable "senders" {
  description = "E-mail addresses of the service accounts that may send push messages, by function."
  type        = map(string)
  default     = {}
}

variable "web_app" {
  description = "Whether there is a web frontend that takes push messages."
  type        = bool
  default     = false
}

variable "android_package" {
  description = "The package name of the Android app, such as example.clinic.app; null where there is none."
  type        = string
  default     = null

  validation {
    condition     = var.android_package == null || can(regex("^[A-Za-z][A-Za-z0-9_]*(\\.[A-Za-z][A-Za-z0-9_]*)+$", var.android_package))
    error_message = "An Android package name has at least two parts with a dot between them, such as example.clinic.app."
  }
}

variable "apple_bundle" {
  description = "The bundle id of the iOS app, such as example.clinic.app; null where there is none."
  type        = string
  default     = null

  validation {
    condition     = var.apple_bundle == null || can(regex("^[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)+$", var.apple_bundle))
    error_message = "A bundle id has letters, digits, hyphens and dots, such as example.clinic.app."
  }
}
