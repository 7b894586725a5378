terraform {
  required_version = ">= 1.11"

  # The code was checked against 6.50 of the provider.
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
  }
}
