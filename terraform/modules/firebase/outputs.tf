output "web_app_id" {
  description = "The web app's id for the frontend's configuration; null where there is none."
  value       = one(google_firebase_web_app.this[*].app_id)
}

output "android_app_id" {
  description = "The Android app's id; null where there is none."
  value       = one(google_firebase_android_app.this[*].app_id)
}

output "apple_app_id" {
  description = "The iOS app's id; null where there is none."
  value       = one(google_firebase_apple_app.this[*].app_id)
}
