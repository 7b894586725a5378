resource "google_compute_global_address" "this" {
  project = var.project_id
  name    = var.name
}

# --- What is behind -------------------------------------------------------------------------------------------------------

resource "google_compute_region_network_endpoint_group" "gateway" {
  provider = google-beta

  project               = var.project_id
  region                = var.region
  name                  = "${var.name}-gateway"
  network_endpoint_type = "SERVERLESS"

  serverless_deployment {
    platform = "apigateway.googleapis.com"
    resource = var.gateway_id
  }
}

resource "google_compute_region_network_endpoint_group" "sockets" {
  project               = var.project_id
  region                = var.region
  name                  = "${var.name}-sockets"
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = var.socket_service_name
  }
}

# Serverless backends have no health check, no affinity and no timeout of the load balancer's: an hour, as Cloud Run has.
resource "google_compute_backend_service" "gateway" {
  project               = var.project_id
  name                  = "${var.name}-gateway"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.this.id

  backend {
    group = google_compute_region_network_endpoint_group.gateway.id
  }

  log_config {
    enable      = true
    sample_rate = 1
  }
}

resource "google_compute_backend_service" "sockets" {
  project               = var.project_id
  name                  = "${var.name}-sockets"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.this.id

  backend {
    group = google_compute_region_network_endpoint_group.sockets.id
  }

  log_config {
    enable      = true
    sample_rate = 1
  }
}

# --- Who gets which path --------------------------------------------------------------------------------------------------

resource "google_compute_url_map" "this" {
  project         = var.project_id
  name            = var.name
  default_service = google_compute_backend_service.gateway.id

  host_rule {
    hosts        = [var.domain]
    path_matcher = "api"
  }

  path_matcher {
    name            = "api"
    default_service = google_compute_backend_service.gateway.id

    path_rule {
      paths   = var.socket_paths
      service = google_compute_backend_service.sockets.id
    }
  }
}

# --- HTTPS ----------------------------------------------------------------------------------------------------------------

# A certificate cannot be changed while it is in use: another domain is another name.
resource "google_compute_managed_ssl_certificate" "this" {
  project = var.project_id
  name    = "${var.name}-${substr(sha256(var.domain), 0, 8)}"

  managed {
    domains = [var.domain]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "this" {
  project         = var.project_id
  name            = var.name
  profile         = var.tls_profile
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "this" {
  project          = var.project_id
  name             = var.name
  url_map          = google_compute_url_map.this.id
  ssl_certificates = [google_compute_managed_ssl_certificate.this.id]
  ssl_policy       = google_compute_ssl_policy.this.id
}

resource "google_compute_global_forwarding_rule" "https" {
  project               = var.project_id
  name                  = "${var.name}-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.this.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.this.id
}

# --- HTTP, only to say that it is HTTPS -----------------------------------------------------------------------------------

resource "google_compute_url_map" "redirect" {
  project = var.project_id
  name    = "${var.name}-redirect"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
    strip_query            = false
  }
}

resource "google_compute_target_http_proxy" "redirect" {
  project = var.project_id
  name    = "${var.name}-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_forwarding_rule" "http" {
  project               = var.project_id
  name                  = "${var.name}-http"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.this.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect.id
}
