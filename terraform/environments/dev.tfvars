# For trying things out: nothing runs while nobody calls. Say your project with -var project_id=.. or write it here.
environment = "dev"

tenants = {
  demo-clinic = {}
}
default_tenant = "demo-clinic"

app_url         = "http://localhost:3000"
allowed_origins = ["http://localhost:3000"]

min_instances = 0
max_instances = 3

deletion_protection       = false
audit_retention_years     = 1
access_log_retention_days = 30

# For push messages to phones; first accept Firebase's terms at https://console.firebase.google.com. It cannot be undone.
enable_firebase = false

# Set it to { owner = "your-organisation", name = "consentmd" } once Cloud Build may reach that repository (modules/build/README.md).
# Null: deploy by `make deploy ENV=dev`.
github_repository = null

environment_variables = {
  LOG = "info"
}
