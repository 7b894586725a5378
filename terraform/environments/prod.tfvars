# For patients. Every value here is yours to change; what must not be is refused with a reason.
environment = "prod"

# What people type.
domain          = "api.consentmd.example"
app_url         = "https://app.consentmd.example"
allowed_origins = ["https://app.consentmd.example"]

# Clinics: each with a database and a key of its own.
tenants = {
  first-clinic = {}
}
default_tenant    = "first-clinic"
first_admin_email = "admin@consentmd.example"

# People.
operators    = ["group:operators@consentmd.example"]
alert_emails = ["alerts@consentmd.example"]

# One instance of each function waits, so that nobody waits for a start.
min_instances = 1
max_instances = 50
function_settings = {
  # At home with as many sockets as an instance holds.
  realtime = { min_instances = 2, max_instances = 100 }
  # They run when Scheduler or an event calls, once a minute at most.
  scribe = { min_instances = 0 }
}

# Keys in hardware, for stored data too.
own_storage_keys     = true
key_protection_level = "HSM"

# CANNOT BE UNDONE. Set it to true once everything works, so that nobody can remove a checkpoint for six years.
lock_audit_retention = false

github_repository = {
  owner = "YOUR-ORGANISATION"
  name  = "consentmd"
}
deploy_on_push = true

environment_variables = {
  LOG                  = "info"
  SESSION_IDLE_MINUTES = "15"
  SESSION_LIFE_HOURS   = "12"
}
