mock_provider "google" {
  override_during = plan
}

variables {
  project_id    = "consentmd-test"
  region        = "us-central1"
  name          = "consentmd"
  fixed_address = false
}

run "without_a_fixed_address_nothing_costs_by_the_hour" {
  command = plan

  assert {
    condition     = length(google_compute_router_nat.this) == 0 && length(google_compute_address.this) == 0
    error_message = "Cloud NAT and addresses are paid for by the hour; nobody asked for them."
  }

  assert {
    condition     = google_compute_subnetwork.this.private_ip_google_access
    error_message = "Google's APIs must be reachable from the subnet."
  }

  assert {
    condition     = !google_compute_network.this.auto_create_subnetworks
    error_message = "Subnets in every region of the world are not wanted."
  }
}

run "a_fixed_address_is_the_only_way_out" {
  command = plan

  variables {
    fixed_address = true
  }

  assert {
    condition = (
      google_compute_router_nat.this[0].nat_ip_allocate_option == "MANUAL_ONLY" &&
      length(google_compute_router_nat.this[0].nat_ips) == 1
    )
    error_message = "Google must not add addresses of its own choice: partners let one address in."
  }
}

run "a_range_too_small_for_cloud_run_is_refused" {
  command = plan

  variables {
    range = "10.20.0.0/28"
  }

  expect_failures = [var.range]
}
