# Where the state is kept. Copy this file up, next to versions.tf, before the first `terraform init`; it is not there from the
# beginning so that the configuration can be planned without a bucket.
terraform {
  backend "gcs" {}
}
