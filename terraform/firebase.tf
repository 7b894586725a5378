# Push messages to phones and browsers.

variable "firebase_apps" {
  description = "The apps that take push messages: whether there is one for the web, the Android package's name, the iOS bundle's id."
  type = object({
    web             = optional(bool, false)
    android_package = optional(string)
    apple_bundle    = optional(string)
  })
  default = {}
}

module "firebase" {
  count  = var.enable_firebase ? 1 : 0
  source = "./modules/firebase"

  project_id      = var.project_id
  name            = local.name_prefix
  senders         = { for name, function in local.functions : name => module.function[name].account_email if contains(function.needs, "push") }
  web_app         = var.firebase_apps.web
  android_package = var.firebase_apps.android_package
  apple_bundle    = var.firebase_apps.apple_bundle

  depends_on = [module.project]
}
