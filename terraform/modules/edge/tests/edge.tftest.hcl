mock_provider "google" {}
mock_provider "google-beta" {}

variables {
  project_id          = "clinic-dev"
  region              = "us-central1"
  name                = "consentmd"
  domain              = "api.clinic.example"
  gateway_id          = "consentmd"
  socket_service_name = "realtime"
}

run "sockets_go_to_their_function_and_all_else_to_the_gateway" {
  command = apply

  assert {
    condition     = one(google_compute_url_map.this.path_matcher).default_service == google_compute_backend_service.gateway.id
    error_message = "What no rule names is the gateway's."
  }

  assert {
    condition     = toset(one(one(google_compute_url_map.this.path_matcher).path_rule).paths) == toset(["/ws", "/socket.io/*", "/.well-known/jwks.json"])
    error_message = "The socket function gets its three paths and no more."
  }

  assert {
    condition     = one(one(google_compute_url_map.this.path_matcher).path_rule).service == google_compute_backend_service.sockets.id
    error_message = "Sockets must reach the socket function."
  }

  assert {
    condition     = google_compute_region_network_endpoint_group.gateway.serverless_deployment[0].platform == "apigateway.googleapis.com" && google_compute_region_network_endpoint_group.gateway.serverless_deployment[0].resource == "consentmd"
    error_message = "The gateway's endpoint group must name the gateway."
  }

  assert {
    condition     = one(one(google_compute_url_map.this.host_rule).hosts) == "api.clinic.example" && output.url == "https://api.clinic.example"
    error_message = "The host rule must be for the domain."
  }
}

run "everything_is_behind_cloud_armor_and_logged" {
  command = apply

  assert {
    condition = alltrue([
      for backend in [google_compute_backend_service.gateway, google_compute_backend_service.sockets] :
      backend.security_policy == google_compute_security_policy.this.id && backend.log_config[0].enable && backend.load_balancing_scheme == "EXTERNAL_MANAGED"
    ])
    error_message = "Both backends need the policy and a log; the classic load balancer is not meant."
  }

  assert {
    condition     = google_compute_ssl_policy.this.min_tls_version == "TLS_1_2" && google_compute_ssl_policy.this.profile == "MODERN"
    error_message = "TLS below 1.2 must not be offered."
  }

  assert {
    condition     = google_compute_url_map.redirect.default_url_redirect[0].https_redirect
    error_message = "HTTP must only say that it is HTTPS."
  }

  assert {
    condition     = google_compute_security_policy.this.advanced_options_config[0].log_level == "NORMAL" && google_compute_security_policy.this.advanced_options_config[0].json_parsing == "STANDARD"
    error_message = "A verbose log would hold patients' words; bodies without parsing would be one text."
  }
}

# The first rule that matches ends it, and a rate rule matches below its limit too.
run "waf_before_rates_and_the_tighter_rate_first" {
  command = apply

  assert {
    condition = (
      max([for rule in google_compute_security_policy.this.rule : rule.priority if rule.action == "deny(403)"]...) <
      min([for rule in google_compute_security_policy.this.rule : rule.priority if contains(["throttle", "rate_based_ban"], rule.action)]...)
    )
    error_message = "A rate rule in front of a WAF rule lets attacks through as long as they are slow."
  }

  assert {
    condition = (
      one([for rule in google_compute_security_policy.this.rule : rule.priority if rule.action == "rate_based_ban"]) <
      one([for rule in google_compute_security_policy.this.rule : rule.priority if rule.action == "throttle"])
    )
    error_message = "The rule for all paths in front of the one for sign-in would hide it."
  }

  assert {
    condition     = length(distinct([for rule in google_compute_security_policy.this.rule : rule.priority])) == length(google_compute_security_policy.this.rule)
    error_message = "Two rules with one priority are refused."
  }

  assert {
    condition     = length([for rule in google_compute_security_policy.this.rule : rule if rule.action == "deny(403)"]) == 8
    error_message = "Eight WAF rule sets are meant."
  }

  assert {
    condition     = one([for rule in google_compute_security_policy.this.rule : rule.action if rule.priority == 2147483647]) == "allow"
    error_message = "Cloud Armor needs its default rule."
  }

  assert {
    condition     = alltrue([for rule in google_compute_security_policy.this.rule : length(rule.description) <= 64])
    error_message = "A rule's description has 64 characters at most."
  }
}

run "rates_are_a_hundred_and_ten" {
  command = apply

  assert {
    condition     = one([for rule in google_compute_security_policy.this.rule : rule.rate_limit_options[0].rate_limit_threshold[0].count if rule.action == "throttle"]) == 100
    error_message = "One address may make 100 requests a minute."
  }

  assert {
    condition     = one([for rule in google_compute_security_policy.this.rule : rule.rate_limit_options[0].rate_limit_threshold[0].count if rule.action == "rate_based_ban"]) == 10
    error_message = "One address may make 10 sign-in requests a minute."
  }

  assert {
    condition     = one([for rule in google_compute_security_policy.this.rule : rule.rate_limit_options[0].ban_threshold[0].count if rule.action == "rate_based_ban"]) == 100
    error_message = "Ten times too many is a machine."
  }
}

# What limits.rs calls guessable, and what not; the patterns are read out of the rule itself.
run "sign_in_paths_are_those_of_the_functions" {
  command = apply

  assert {
    condition     = alltrue([for path in ["login", "verify-otp", "mfa/verify", "refresh-all", "refresh/x", "sessions/a/b", "refresh/../login"] : length(regexall(regex("!request.path.matches\\('([^']+)'\\)", local.auth_paths)[0], "/api/v1/auth/${path}")) == 0])
    error_message = "Where passwords and codes can be guessed, the tighter rate must hold."
  }

  assert {
    condition     = alltrue([for path in ["refresh", "logout", "logout-all", "sessions", "sessions/s1-a_B"] : length(regexall(regex("!request.path.matches\\('([^']+)'\\)", local.auth_paths)[0], "/api/v1/auth/${path}")) == 1])
    error_message = "What takes a token that nobody guesses has the common rate."
  }
}

run "preview_refuses_nothing" {
  command = apply

  variables {
    waf_preview     = true
    waf_sensitivity = 2
  }

  assert {
    condition     = alltrue([for rule in google_compute_security_policy.this.rule : rule.preview && strcontains(rule.match[0].expr[0].expression, "{'sensitivity': 2}") if rule.action == "deny(403)"])
    error_message = "In preview all WAF rules only log."
  }

  assert {
    condition     = alltrue([for rule in google_compute_security_policy.this.rule : !coalesce(rule.preview, false) if rule.action != "deny(403)"])
    error_message = "Rates hold in preview too."
  }
}

run "free_text_is_left_alone" {
  command = apply

  variables {
    waf_free_text_fields = ["content"]
  }

  assert {
    condition = alltrue([
      for rule in google_compute_security_policy.this.rule :
      one(one(one(rule.preconfigured_waf_config).exclusion).request_query_param).value == "content" &&
      strcontains(rule.match[0].expr[0].expression, one(one(rule.preconfigured_waf_config).exclusion).target_rule_set)
      if rule.action == "deny(403)"
    ])
    error_message = "Each rule set must be told which fields to leave alone."
  }
}

run "another_domain_is_another_certificate" {
  command = apply

  variables {
    domain = "api.other.example"
  }

  assert {
    condition     = google_compute_managed_ssl_certificate.this.name == "consentmd-${substr(sha256("api.other.example"), 0, 8)}"
    error_message = "A certificate in use cannot be replaced under its own name."
  }
}

run "a_url_is_no_domain" {
  command = plan

  variables {
    domain = "https://api.clinic.example"
  }

  expect_failures = [var.domain]
}

run "old_ciphers_fail" {
  command = plan

  variables {
    tls_profile = "COMPATIBLE"
  }

  expect_failures = [var.tls_profile]
}

run "sockets_cannot_take_everything" {
  command = plan

  variables {
    socket_paths = ["/*"]
  }

  expect_failures = [var.socket_paths]
}
