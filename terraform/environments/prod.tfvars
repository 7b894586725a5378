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

# Google's keys for stored data; people's data is sealed by the functions in either case. For keys of your own set it to true before the
# first apply, and ask first: Google's default quota for Firestore databases under own keys is 0, and the apply would fail. The form is on
# https://cloud.google.com/firestore/docs/cmek. A database's choice CANNOT BE CHANGED later.
own_storage_keys = false

# The functions' own keys are in hardware. Tenants that `consentmd admin create --new-tenant` makes get software keys (and Google's own for
# stored data): with this line, add a tenant above and apply before you run it.
key_protection_level = "HSM"

# CANNOT BE UNDONE. Set it to true once everything works, so that nobody can remove a checkpoint for six years.
lock_audit_retention = false

# Set it to { owner = "your-organisation", name = "consentmd" } and apply again, once Cloud Build may reach that repository: a person
# allows it in a browser (modules/build/README.md). Before that Google refuses the trigger. Null: deploy by `make deploy ENV=prod`.
github_repository = null
deploy_on_push    = true

# For push messages to phones. Set it to true once a person has accepted Firebase's terms at https://console.firebase.google.com with the
# account that applies; before that Google answers 403. It cannot be undone.
enable_firebase = false

# For the first week the WAF only logs what it would refuse. Look for previewSecurityPolicy in the load balancer's log: if no clinical
# text is there, set it to false.
waf_preview = true

# Set it to true once images are deployed and there is a tenant: then it is told when the ages of outbox and audit log are not logged.
alert_on_silence = false

environment_variables = {
  LOG                  = "info"
  SESSION_IDLE_MINUTES = "15"
  SESSION_LIFE_HOURS   = "12"
}
