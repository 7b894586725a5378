mock_provider "google" {
  override_during = plan
}

variables {
  project_id = "consentmd-test"
  name       = "lakeside"
  location   = "nam5"

  definitions = {
    indexes = {
      audit-action-at = {
        collection = "audit"
        nested     = false
        fields = [
          { path = "action", order = "ASCENDING" },
          { path = "at", order = "DESCENDING" },
        ]
      }
      messages-words-seq = {
        collection = "messages"
        nested     = true
        fields = [
          { path = "words", array = "CONTAINS" },
          { path = "seq", order = "DESCENDING" },
        ]
      }
    }
    ttl = [
      { collection = "sessions", nested = false },
      { collection = "inbox", nested = true },
    ]
    ttlField = "_expireAt"
    unindexed = [
      { collection = "audit", nested = false, field = "at" },
      { collection = "sessions", nested = false, field = "_expireAt" },
      { collection = "inbox", nested = true, field = "_write" },
    ]
  }
}

run "a_database_can_be_brought_back" {
  command = plan

  assert {
    condition = (
      google_firestore_database.this.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED" &&
      google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED"
    )
    error_message = "Point in time recovery and delete protection are on, always."
  }

  assert {
    condition = (
      google_firestore_backup_schedule.daily.retention == "604800s" &&
      google_firestore_backup_schedule.weekly.retention == "8467200s"
    )
    error_message = "Daily backups stay for 7 days, weekly ones for 14 weeks."
  }

  assert {
    condition     = length(google_firestore_database.this.cmek_config) == 0
    error_message = "No key was given."
  }
}

run "indexes_are_those_of_the_code" {
  command = plan

  assert {
    condition     = toset(keys(google_firestore_index.this)) == toset(["audit-action-at", "messages-words-seq"])
    error_message = "One index for each declaration."
  }

  assert {
    condition = (
      google_firestore_index.this["messages-words-seq"].fields[0].array_config == "CONTAINS" &&
      google_firestore_index.this["messages-words-seq"].fields[1].order == "DESCENDING"
    )
    error_message = "Fields keep their order and kind."
  }
}

run "expiring_fields_expire_and_are_not_indexed" {
  command = plan

  assert {
    condition = toset([for key, field in google_firestore_field.this : key if length(field.ttl_config) == 1]) == toset([
      "sessions/_expireAt", "inbox/_expireAt"
    ])
    error_message = "Each collection with expiring documents has a policy, also where the field is named as unindexed."
  }

  assert {
    condition = alltrue([
      for field in google_firestore_field.this : length(field.index_config) == 1 && length(field.index_config[0].indexes) == 0
    ])
    error_message = "An empty index_config is what switches the automatic indexes off."
  }

  assert {
    condition     = length(google_firestore_field.this) == 4
    error_message = "A field that is named twice is one resource."
  }
}

run "tenants_that_share_a_database_have_their_prefix_before_top_collections_alone" {
  command = plan

  variables {
    prefixes = ["lakeside.", "hillcrest."]
  }

  assert {
    condition = toset([for index in google_firestore_index.this : index.collection]) == toset([
      "lakeside.audit", "hillcrest.audit", "messages"
    ])
    error_message = "Nested collections are called the same for every tenant, and are declared once."
  }

  assert {
    condition = toset(keys(google_firestore_field.this)) == toset([
      "lakeside.sessions/_expireAt", "hillcrest.sessions/_expireAt", "inbox/_expireAt",
      "lakeside.audit/at", "hillcrest.audit/at", "inbox/_write"
    ])
    error_message = "So it is with fields."
  }
}

run "the_registry_alone_needs_no_index" {
  command = plan

  variables {
    name     = "(default)"
    prefixes = []
  }

  assert {
    condition     = length(google_firestore_index.this) == 0 && length(google_firestore_field.this) == 0
    error_message = "No tenant lives in this database."
  }
}

run "own_keys_encrypt_the_database" {
  command = plan

  variables {
    kms_key = "projects/p/locations/us/keyRings/consentmd-storage/cryptoKeys/documents"
  }

  assert {
    condition     = google_firestore_database.this.cmek_config[0].kms_key_name == var.kms_key
    error_message = "The database is encrypted under the given key."
  }
}

run "an_index_with_one_field_is_refused" {
  command = plan

  variables {
    definitions = {
      indexes   = { a = { collection = "audit", nested = false, fields = [{ path = "at", order = "ASCENDING" }] } }
      ttl       = []
      ttlField  = "_expireAt"
      unindexed = []
    }
  }

  expect_failures = [var.definitions]
}

run "a_name_that_firestore_refuses_is_refused" {
  command = plan

  variables {
    name = "a0000000-0000-4000-8000-000000000000"
  }

  expect_failures = [var.name]
}

# Databases that `consentmd admin create --new-tenant` makes have to be alike.
run "the_program_makes_the_same_database" {
  command = plan

  assert {
    condition = (
      google_firestore_backup_schedule.daily.retention == "${regex("daily_backup_days: (\\d+),", file("../../../shared/google-setup/src/databases/plan.rs"))[0] * 86400}s" &&
      google_firestore_backup_schedule.weekly.retention == "${regex("const MOST_WEEKS: u32 = (\\d+);", file("../../../shared/google-setup/src/databases/plan.rs"))[0] * 604800}s" &&
      google_firestore_backup_schedule.weekly.weekly_recurrence[0].day == regex("const DAY_OF_WEEK: &str = \"([A-Z]+)\"", file("../../../shared/google-setup/src/databases/backups.rs"))[0]
    )
    error_message = "Backups are kept for other times in shared/google-setup. Change both."
  }

  # SCREAMING_SNAKE_CASE in Rust's way of writing it.
  assert {
    condition = alltrue([
      for setting in [
        google_firestore_database.this.type,
        google_firestore_database.this.database_edition,
        google_firestore_database.this.point_in_time_recovery_enablement,
        google_firestore_database.this.delete_protection_state,
      ] : strcontains(file("../../../shared/google-setup/src/databases/database.rs"), "::${join("", [for word in split("_", setting) : title(lower(word))])})")
    ])
    error_message = "A setting of the database is another in shared/google-setup, which refuses a database with other settings. Change both."
  }

  assert {
    condition = alltrue([
      for index in google_firestore_index.this :
      index.query_scope == "COLLECTION" && index.api_scope == "ANY_API" &&
      strcontains(file("../../../shared/google-setup/src/databases/indexes.rs"), "query_scope == QueryScope::Collection && index.api_scope == ApiScope::AnyApi")
    ])
    error_message = "shared/google-setup looks for indexes of collections, for any API."
  }
}
