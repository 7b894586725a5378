variable "project_id" {
  description = "The project that the load balancer is in; the gateway and the functions must be in the same one."
  type        = string
}

variable "region" {
  description = "Where the gateway and the socket function run."
  type        = string
}

variable "name" {
  description = "Names of the load balancer's parts begin with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,38}[a-z0-9]$", var.name))
    error_message = "The load balancer's name must be 2 to 40 lower-case letters, digits and hyphens, and begin with a letter; \"${var.name}\" is not."
  }
}

variable "domain" {
  description = "The host name that clients use, such as api.clinic.example. Its A record must point at this module's address before the certificate can be issued."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain)) && length(var.domain) <= 63
    error_message = "The domain must be one host name in lower case, of 63 characters at most, such as api.clinic.example; \"${var.domain}\" is not."
  }
}

variable "gateway_id" {
  description = "The API gateway's name; it gets all paths that nobody else gets."
  type        = string
}

variable "socket_service_name" {
  description = "The Cloud Run service that gets WebSockets, Socket.IO and the public keys."
  type        = string
}

variable "socket_paths" {
  description = "The paths of the socket function. A path may end with /*."
  type        = list(string)
  default     = ["/ws", "/socket.io/*", "/.well-known/jwks.json"]

  validation {
    condition     = length(var.socket_paths) > 0 && alltrue([for path in var.socket_paths : can(regex("^/[^*?#]*(/\\*)?$", path)) && path != "/*"])
    error_message = "A path of the socket function must begin with a slash and may have * only as its last part, and /* itself is the gateway's."
  }
}

variable "tls_profile" {
  description = "Which ciphers are offered: MODERN, or RESTRICTED for installations that must follow NIST SP 800-52."
  type        = string
  default     = "MODERN"

  validation {
    condition     = contains(["MODERN", "RESTRICTED"], var.tls_profile)
    error_message = "The TLS profile must be MODERN or RESTRICTED; COMPATIBLE takes ciphers that are no longer safe."
  }
}

variable "requests_per_minute" {
  description = "How many requests one address may make in a minute."
  type        = number
  default     = 100

  validation {
    condition     = var.requests_per_minute >= 1 && var.requests_per_minute <= 10000 && floor(var.requests_per_minute) == var.requests_per_minute
    error_message = "The requests of one address in a minute must be a whole number from 1 to 10000."
  }
}

variable "auth_requests_per_minute" {
  description = "How many requests one address may make in a minute where passwords and codes can be guessed."
  type        = number
  default     = 10

  validation {
    condition     = var.auth_requests_per_minute >= 1 && var.auth_requests_per_minute <= 1000 && floor(var.auth_requests_per_minute) == var.auth_requests_per_minute
    error_message = "The sign-in requests of one address in a minute must be a whole number from 1 to 1000."
  }
}

variable "auth_ban_seconds" {
  description = "For how long an address that makes ten times too many sign-in requests in a minute is refused on those paths."
  type        = number
  default     = 600

  validation {
    condition     = contains([60, 120, 180, 240, 270, 300, 600, 900, 1200, 1800, 2700, 3600], var.auth_ban_seconds)
    error_message = "Cloud Armor bans for 60, 120, 180, 240, 270, 300, 600, 900, 1200, 1800, 2700 or 3600 seconds."
  }
}

variable "waf_sensitivity" {
  description = "Up to which level of the OWASP core rule set's paranoia signatures are used. Level 1 is for text that people write; from 2 on, expect clinical notes to be refused."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2, 3, 4], var.waf_sensitivity)
    error_message = "The WAF's sensitivity must be 1, 2, 3 or 4."
  }
}

variable "waf_preview" {
  description = "Whether WAF rules only log what they would refuse (previewSecurityPolicy in the load balancer's logs) and let it through."
  type        = bool
  default     = false
}

variable "waf_free_text_fields" {
  description = "Names of JSON fields whose text the WAF does not look at: what people write in their own words, and passwords. No text of ours ever becomes SQL, a command, a path or a page."
  type        = list(string)
  default     = ["content", "text", "suggestedText", "comment", "notes", "reason", "reactionDescription", "visitReason", "condition", "allergy", "diagnosis", "dosage", "frequency", "title", "password", "currentPassword", "newPassword"]

  validation {
    condition     = length(var.waf_free_text_fields) <= 50 && alltrue([for field in var.waf_free_text_fields : can(regex("^[A-Za-z][A-Za-z0-9_]*$", field))])
    error_message = "At most 50 names of fields, each of letters, digits and underscores."
  }
}

variable "adaptive_protection" {
  description = "Whether Cloud Armor learns what traffic is usual and warns of floods. Detection is in the standard tier; its suggested rules need Cloud Armor Enterprise."
  type        = bool
  default     = false
}
