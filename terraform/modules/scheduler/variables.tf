variable "project_id" {
  description = "The project."
  type        = string
}

variable "region" {
  description = "The schedules' region."
  type        = string
}

variable "schedules" {
  description = "What is called when, by the schedule's name. Times are UTC."
  type = map(object({
    function        = string
    cron            = string
    path            = string
    deadlineSeconds = number
  }))

  validation {
    condition     = alltrue([for one in values(var.schedules) : length(split(" ", one.cron)) == 5])
    error_message = "A schedule's cron has five fields: minute, hour, day of the month, month, day of the week."
  }

  validation {
    condition     = alltrue([for one in values(var.schedules) : one.deadlineSeconds >= 15 && one.deadlineSeconds <= 1800])
    error_message = "Cloud Scheduler waits for an answer for 15 to 1800 seconds."
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
    condition     = length(setsubtract([for one in values(var.schedules) : one.function], keys(var.targets))) == 0
    error_message = "A schedule is for a function that is not made: ${join(", ", setsubtract([for one in values(var.schedules) : one.function], keys(var.targets)))}."
  }

  validation {
    condition = alltrue([
      for one in values(var.schedules) : one.deadlineSeconds <= try(var.targets[one.function].timeout_seconds, one.deadlineSeconds)
    ])
    error_message = "A schedule's deadline is longer than its function may take: Cloud Run would end the work in the middle. Raise the function's timeout."
  }
}

variable "account_email" {
  description = "The account as which Scheduler calls functions."
  type        = string
}
