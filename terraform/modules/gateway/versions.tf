terraform {
  required_version = ">= 1.11"

  # The code was checked against 6.50 of the provider. All of API Gateway is in the beta provider.
  required_providers {
    google-beta = {
      source  = "hashicorp/google-beta"
      version = "~> 6.50"
    }
  }
}
