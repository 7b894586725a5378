# Which rights a need is. A function gets those of its needs and nothing else; a need that is not here fails the plan.

locals {
  member = "serviceAccount:${google_service_account.this.email}"

  project_roles = merge(
    contains(var.definition.needs, "documents") ? { documents = "roles/datastore.user" } : {},
    contains(var.definition.needs, "model") ? { model = var.resources.roles.model_asker } : {},
    # Each instance that holds sockets makes a subscription of its own, and removes it.
    contains(var.definition.needs, "live") ? { live = var.resources.roles.live_subscriber } : {},
  )

  bucket_roles = merge(
    contains(var.definition.needs, "files") ? {
      files = { bucket = var.resources.files_bucket, role = var.resources.roles.file_keeper }
    } : {},
    # To add and to read, not to replace and not to remove.
    contains(var.definition.needs, "checkpoints") ? {
      checkpoints = { bucket = var.resources.checkpoints_bucket, role = var.resources.roles.checkpoint_keeper }
    } : {},
  )

  live_topic_roles = contains(var.definition.needs, "live") ? {
    publish = "roles/pubsub.publisher"
    attach  = "roles/pubsub.subscriber"
  } : {}
}

resource "google_project_iam_member" "this" {
  for_each = local.project_roles

  project = var.project_id
  role    = each.value
  member  = local.member
}

# To wrap and unwrap data keys, and to see by which version they are wrapped now: data keys under an older one are due.
resource "google_kms_key_ring_iam_member" "this" {
  for_each = contains(var.definition.needs, "keys") ? {
    use  = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
    look = var.resources.roles.key_viewer
  } : {}

  key_ring_id = var.resources.key_ring
  role        = each.value
  member      = local.member
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local.bucket_roles

  bucket = each.value.bucket
  role   = each.value.role
  member = local.member
}

# To sign addresses of files as itself, without a key that could get lost.
resource "google_service_account_iam_member" "signs_as_itself" {
  count = contains(var.definition.needs, "files") ? 1 : 0

  service_account_id = google_service_account.this.name
  role               = var.resources.roles.url_signer
  member             = local.member
}

resource "google_pubsub_topic_iam_member" "live" {
  for_each = local.live_topic_roles

  project = var.project_id
  topic   = var.resources.live_topic
  role    = each.value
  member  = local.member
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = local.secret_environment

  project   = var.project_id
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = local.member
}
