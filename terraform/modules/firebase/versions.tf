terraform {
  required_version = ">= 1.11"

  # The code was checked against 6.50 of both providers.
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 6.50"
    }
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 6.50"
    }
  }
}
