locals {
  # The registry's key, and one for each tenant: the programs find them by these names.
  tenant_keys = toset(concat(["tenant-registry"], [for id in var.tenants : "tenant-${id}"]))

  rotation_period = "${var.rotation_days * 86400}s"

  # A version that someone destroys can be brought back for so long.
  destroy_after = "2592000s"
}

# Functions may use every key of this ring, and none of the other.
resource "google_kms_key_ring" "tenants" {
  project  = var.project_id
  location = var.location
  name     = "${var.name_prefix}-tenants"

  lifecycle {
    prevent_destroy = true
  }
}

# Wraps data keys. Without it everything sealed is lost for ever: there is no backup of a key.
resource "google_kms_crypto_key" "tenant" {
  for_each = local.tenant_keys

  name                       = each.value
  key_ring                   = google_kms_key_ring.tenants.id
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = local.rotation_period
  destroy_scheduled_duration = local.destroy_after
  labels                     = var.labels

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.protection_level
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_key_ring" "storage" {
  count = length(var.storage_agents) > 0 ? 1 : 0

  project  = var.project_id
  location = var.location
  name     = "${var.name_prefix}-storage"

  lifecycle {
    prevent_destroy = true
  }
}

# Databases, buckets and topics are encrypted under it. Without it they cannot be read.
resource "google_kms_crypto_key" "storage" {
  for_each = var.storage_agents

  name                       = each.key
  key_ring                   = google_kms_key_ring.storage[0].id
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = local.rotation_period
  destroy_scheduled_duration = local.destroy_after
  labels                     = var.labels

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.protection_level
  }

  lifecycle {
    prevent_destroy = true
  }
}

# Google's own agent of that kind of storage, and nobody else.
resource "google_kms_crypto_key_iam_binding" "storage" {
  for_each = var.storage_agents

  crypto_key_id = google_kms_crypto_key.storage[each.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  members       = [each.value]
}
