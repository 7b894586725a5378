# Cloud Armor ends at the first rule that matches, in the order of priorities, and a rate rule matches each request of its
# kind, also those below the limit (that is what `conform_action` answers). So the order is: what must never pass, then the
# tighter rate, then the wider one. A rate rule before a WAF rule would let attacks through below the limit.

locals {
  waf_priority  = 1000
  auth_priority = 2000
  rate_priority = 3000

  # Not `methodenforcement`: it refuses PUT and DELETE.
  waf_rule_sets = [
    "sqli-v33-stable",
    "xss-v33-stable",
    "lfi-v33-stable",
    "rfi-v33-stable",
    "rce-v33-stable",
    "protocolattack-v33-stable",
    "scannerdetection-v33-stable",
    "sessionfixation-v33-stable",
  ]

  # The same paths as in shared/web/src/limits.rs. What is let out is matched exactly, so that no path gets out by its
  # beginning; what is kept in is matched widely, as a proxy behind might read it: decoded, in any case, with anything before.
  auth_paths = join(" && ", [
    "request.path.urlDecode().lower().contains('/auth/')",
    "!request.path.matches('^/api/v1/auth/(refresh|logout|logout-all|sessions(/[A-Za-z0-9_-]+)?)$')",
  ])
}

resource "google_compute_security_policy" "this" {
  project     = var.project_id
  name        = var.name
  description = "WAF, then sign-in rate, then request rate; the order is explained in modules/edge/armor.tf"
  type        = "CLOUD_ARMOR"

  advanced_options_config {
    json_parsing = "STANDARD"
    # VERBOSE would write what a signature matched into the logs: patients' words.
    log_level = "NORMAL"
  }

  dynamic "adaptive_protection_config" {
    for_each = var.adaptive_protection ? [true] : []

    content {
      layer_7_ddos_defense_config {
        enable          = true
        rule_visibility = "STANDARD"
      }
    }
  }

  dynamic "rule" {
    for_each = local.waf_rule_sets

    content {
      priority    = local.waf_priority + 10 * rule.key
      description = "WAF: ${rule.value}"
      action      = "deny(403)"
      preview     = var.waf_preview

      match {
        expr {
          expression = "evaluatePreconfiguredWaf('${rule.value}', {'sensitivity': ${var.waf_sensitivity}})"
        }
      }

      dynamic "preconfigured_waf_config" {
        for_each = length(var.waf_free_text_fields) > 0 ? [true] : []

        content {
          exclusion {
            target_rule_set = rule.value

            # The parameter "can be in the query string or in the POST body"; a nested field's name ends with its own.
            dynamic "request_query_param" {
              for_each = var.waf_free_text_fields

              content {
                operator = "ENDS_WITH"
                value    = request_query_param.value
              }
            }
          }
        }
      }
    }
  }

  rule {
    priority    = local.auth_priority
    description = "Sign-in requests of one address"
    action      = "rate_based_ban"

    match {
      expr {
        expression = local.auth_paths
      }
    }

    rate_limit_options {
      enforce_on_key = "IP"
      conform_action = "allow"
      exceed_action  = "deny(429)"

      rate_limit_threshold {
        count        = var.auth_requests_per_minute
        interval_sec = 60
      }

      # A clinic behind one address that is a little over waits a minute; a machine that guesses waits longer.
      ban_duration_sec = var.auth_ban_seconds
      ban_threshold {
        count        = 10 * var.auth_requests_per_minute
        interval_sec = 60
      }
    }
  }

  rule {
    priority    = local.rate_priority
    description = "All other requests of one address"
    action      = "throttle"

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }

    rate_limit_options {
      enforce_on_key = "IP"
      conform_action = "allow"
      exceed_action  = "deny(429)"

      rate_limit_threshold {
        count        = var.requests_per_minute
        interval_sec = 60
      }
    }
  }

  # Cloud Armor wants a last rule; the one before it has matched everything already.
  rule {
    priority    = 2147483647
    description = "Default"
    action      = "allow"

    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}
