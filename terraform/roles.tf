# Roles of our own, where the smallest of Google's allows more than the code does. The permissions are those that the code's own
# READMEs name: shared/blobs-gcs, shared/vault-kms, shared/google-setup.

locals {
  custom_roles = {
    consentmd_url_signer = {
      title       = "ConsentMD: signs addresses of files"
      description = "For a function's account on itself: signed addresses without a key file."
      permissions = ["iam.serviceAccounts.signBlob"]
    }
    consentmd_file_keeper = {
      title       = "ConsentMD: keeps files"
      description = "Adds, reads, removes. Without list, Cloud Storage answers 403 for a file that is not there."
      permissions = [
        "storage.objects.create",
        "storage.objects.delete",
        "storage.objects.get",
        "storage.objects.list",
      ]
    }
    consentmd_checkpoint_keeper = {
      title       = "ConsentMD: keeps audit checkpoints"
      description = "Adds and reads. It cannot remove, and so cannot replace."
      permissions = [
        "storage.objects.create",
        "storage.objects.get",
        "storage.objects.list",
      ]
    }
    consentmd_object_reader = {
      title       = "ConsentMD: reads files and checkpoints"
      description = "For the operators' job: verifies the audit log, and tells whether buckets are reached."
      permissions = [
        "storage.objects.get",
        "storage.objects.list",
      ]
    }
    consentmd_model_asker = {
      title       = "ConsentMD: asks models"
      description = "Asks Vertex AI's models, and has no business with anything else of it."
      permissions = ["aiplatform.endpoints.predict"]
    }
    consentmd_live_subscriber = {
      title       = "ConsentMD: subscribes to live signals"
      description = "Instances with sockets make their own pull subscriptions and remove them."
      permissions = [
        "pubsub.subscriptions.consume",
        "pubsub.subscriptions.create",
        "pubsub.subscriptions.delete",
        "pubsub.subscriptions.get",
      ]
    }
    # Without it nobody but KMS knows which version of a key wraps now, and none is wrapped again.
    consentmd_key_viewer = {
      title       = "ConsentMD: sees which version of a key is current"
      description = "Beside encrypting and decrypting."
      permissions = ["cloudkms.cryptoKeys.get"]
    }
    consentmd_key_maker = {
      title       = "ConsentMD: makes tenants' keys"
      description = "For the operators' job. It can neither change a key nor destroy one."
      permissions = [
        "cloudkms.cryptoKeys.create",
        "cloudkms.cryptoKeys.get",
      ]
    }
    consentmd_database_maker = {
      title       = "ConsentMD: makes tenants' databases"
      description = "For the operators' job: databases, indexes, field settings, backup schedules. It can remove none of them."
      permissions = [
        "datastore.backupSchedules.create",
        "datastore.backupSchedules.list",
        "datastore.databases.create",
        "datastore.databases.getMetadata",
        "datastore.indexes.create",
        "datastore.indexes.get",
        "datastore.indexes.list",
        "datastore.indexes.update",
        "datastore.operations.get",
      ]
    }
    consentmd_secret_renewer = {
      title       = "ConsentMD: renews the signing keys"
      description = "For the operators' job, on the two secrets of the signing keys."
      permissions = [
        "secretmanager.versions.access",
        "secretmanager.versions.add",
        "secretmanager.versions.destroy",
        "secretmanager.versions.get",
        "secretmanager.versions.list",
      ]
    }
    consentmd_event_viewer = {
      title       = "ConsentMD: sees topics and subscriptions"
      description = "For the operators' job: tells whether one is missing."
      permissions = [
        "pubsub.subscriptions.get",
        "pubsub.topics.get",
      ]
    }
    consentmd_sbom_bucket_maker = {
      title       = "ConsentMD: makes the bucket of SBOMs"
      description = "For the deployer: gcloud makes the bucket at the first build. Making one gives no right to what others have."
      permissions = ["storage.buckets.create"]
    }
  }
}
