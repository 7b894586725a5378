output "tenant_ring" {
  description = "The ring of the tenants' keys: projects/P/locations/L/keyRings/R, as KMS_KEY_RING wants it."
  value       = google_kms_key_ring.tenants.id

  # Whoever starts with the ring finds the keys in it.
  depends_on = [google_kms_crypto_key.tenant]
}

output "storage_keys" {
  description = "The key of each kind of storage, once its agent may use it."
  value       = { for kind, key in google_kms_crypto_key.storage : kind => key.id }

  depends_on = [google_kms_crypto_key_iam_binding.storage]
}
