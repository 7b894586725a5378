# What the root files share. The modules know nothing of each other; whatever they tell each other goes through here.
# A module that makes something in the project has `depends_on = [module.project]`: its API must be enabled before.

locals {
  # Names of resources and of roles begin with it.
  name_prefix = "consentmd"

  labels = merge(var.labels, {
    application = local.name_prefix
    environment = var.environment
    managed-by  = "terraform"
  })

  # Made from the code's declarations by `make generate`. Nothing below names a function, an event, a schedule or an index.
  functions = jsondecode(file("${path.module}/generated/functions.json"))
  events    = jsondecode(file("${path.module}/generated/events.json"))
  firestore = jsondecode(file("${path.module}/generated/firestore.json"))

  function_names   = toset(keys(local.functions))
  taken_variables  = toset(flatten([for function in values(local.functions) : function.environment]))
  socket_functions = toset([for name, function in local.functions : name if function.sockets])

  # Where each function answers, and what its Cloud Run service is called.
  function_uri          = { for name in local.function_names : name => module.function[name].uri }
  function_service_name = { for name in local.function_names : name => module.function[name].service_name }

  # The text that a trigger's token must be for. It is no address, so that a service and its subscriptions need not wait for
  # each other.
  trigger_audience = { for name in local.function_names : name => "https://${name}.${local.name_prefix}.internal" }

  # Who calls: the gateway for clients, the trigger account for Pub/Sub and Scheduler, the deployer for smoke tests.
  gateway_account_email  = google_service_account.gateway.email
  trigger_account_email  = google_service_account.trigger.email
  deployer_account_email = google_service_account.deployer.email

  # Where images are: REGION-docker.pkg.dev/PROJECT/consentmd
  repository_url = module.registry.url
}
