locals {
  # Collections at the top have their tenant's prefix; those below a parent have the same name for all tenants.
  definitions = length(var.prefixes) == 0 ? { indexes = {}, fields = {} } : {
    indexes = merge([
      for name, index in var.definitions.indexes : {
        for prefix in index.nested ? toset([""]) : var.prefixes :
        "${prefix}${name}" => { collection = "${prefix}${index.collection}", fields = index.fields }
      }
    ]...)

    fields = merge(local.unindexed_fields, local.expiring_fields)
  }

  unindexed_fields = merge([
    for one in var.definitions.unindexed : {
      for prefix in one.nested ? toset([""]) : var.prefixes :
      "${prefix}${one.collection}/${one.field}" => {
        collection = "${prefix}${one.collection}"
        field      = one.field
        expires    = false
      }
    }
  ]...)

  # A field by which documents expire is not indexed either: its values grow with time, over the whole collection.
  expiring_fields = merge([
    for one in var.definitions.ttl : {
      for prefix in one.nested ? toset([""]) : var.prefixes :
      "${prefix}${one.collection}/${var.definitions.ttlField}" => {
        collection = "${prefix}${one.collection}"
        field      = var.definitions.ttlField
        expires    = true
      }
    }
  ]...)
}

resource "google_firestore_index" "this" {
  for_each = local.definitions.indexes

  project     = var.project_id
  database    = google_firestore_database.this.name
  collection  = each.value.collection
  query_scope = "COLLECTION"
  api_scope   = "ANY_API"

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path   = fields.value.path
      order        = fields.value.order
      array_config = fields.value.array
    }
  }

  timeouts {
    create = "60m"
    delete = "60m"
  }
}

resource "google_firestore_field" "this" {
  for_each = local.definitions.fields

  project    = var.project_id
  database   = google_firestore_database.this.name
  collection = each.value.collection
  field      = each.value.field

  # Empty: no index at all.
  index_config {}

  dynamic "ttl_config" {
    for_each = each.value.expires ? [true] : []

    content {}
  }

  timeouts {
    create = "60m"
    update = "60m"
    delete = "60m"
  }
}
