variable "project_id" {
  description = "The project."
  type        = string
}

variable "topics" {
  description = "The topics of events, one for each family."
  type        = set(string)
}

variable "live_topic" {
  description = "The topic of live signals. Instances that hold sockets make their subscriptions to it themselves."
  type        = string
}

variable "subscriptions" {
  description = "Which event goes to which function, by subscription."
  type = map(object({
    function = string
    topic    = string
    event    = string
    path     = string
  }))

  validation {
    condition     = length(setsubtract([for one in values(var.subscriptions) : one.topic], var.topics)) == 0
    error_message = "A subscription names a topic that is not made: ${join(", ", setsubtract([for one in values(var.subscriptions) : one.topic], var.topics))}."
  }

  validation {
    condition = alltrue([
      for name in keys(var.subscriptions) :
      can(regex("^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$", name)) && !startswith(name, "goog") && !startswith(name, "live-")
    ])
    error_message = "A subscription's name is 3 to 255 characters, begins with a letter and not with goog; live-.. are those that instances make."
  }

  validation {
    condition     = alltrue([for one in values(var.subscriptions) : can(regex("^[a-z-]+\\.[a-z-]+$", one.event))])
    error_message = "An event's name is family.what-happened, in small letters and hyphens."
  }

  validation {
    condition     = alltrue([for one in values(var.subscriptions) : startswith(one.path, "/")])
    error_message = "A subscription's path begins with a slash."
  }
}

variable "targets" {
  description = "Where each function answers, by its name; what a token must be for; and how many seconds it takes at most."
  type = map(object({
    uri             = string
    audience        = string
    timeout_seconds = number
  }))

  validation {
    condition     = length(setsubtract([for one in values(var.subscriptions) : one.function], keys(var.targets))) == 0
    error_message = "A subscription is for a function that is not made: ${join(", ", setsubtract([for one in values(var.subscriptions) : one.function], keys(var.targets)))}."
  }
}

variable "publishers" {
  description = "The e-mails of the accounts that publish events, by name."
  type        = map(string)
}

variable "push_account" {
  description = "The account as which Pub/Sub calls functions: its full name and its e-mail."
  type = object({
    name  = string
    email = string
  })
}

variable "agent_email" {
  description = "The e-mail of Pub/Sub's service agent."
  type        = string
}

variable "regions" {
  description = "Where Pub/Sub may store messages."
  type        = set(string)

  validation {
    condition     = length(var.regions) > 0
    error_message = "regions names at least one region; an empty list would let Pub/Sub store messages anywhere."
  }
}

variable "kms_key" {
  description = "The key that encrypts messages; null: Google's."
  type        = string
  default     = null
}

variable "max_delivery_attempts" {
  description = "After so many attempts a message goes to its function's dead letters: 5 to 100. 30 are about four hours and a half."
  type        = number
  default     = 30

  validation {
    condition     = var.max_delivery_attempts >= 5 && var.max_delivery_attempts <= 100 && floor(var.max_delivery_attempts) == var.max_delivery_attempts
    error_message = "max_delivery_attempts is a whole number from 5 to 100."
  }
}

variable "labels" {
  description = "Labels for what takes them."
  type        = map(string)
  default     = {}
}
