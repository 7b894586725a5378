use serde_json::json;

use super::{Ask, Made, needing, plain, with};
use crate::scene::Thing;

pub(super) fn asks() -> Vec<Ask> {
    vec![
        plain("GET /.well-known/jwks.json"),
        with("POST /api/v1/auth/register", &[], |scene| {
            let words = &scene.words;
            let email = format!("new.{}", words.email());
            Made::body(json!({"name": words.name, "email": email, "password": words.password, "role": "Patient"}))
        }),
        with("POST /api/v1/auth/login", &[Thing::Account], |scene| {
            Made::body(json!({"email": scene.id("email"), "password": scene.id("password")}))
        }),
        with("POST /api/v1/auth/refresh", &[Thing::Account], |scene| {
            Made::body(json!({"refreshToken": scene.id("refreshToken")}))
        }),
        plain("POST /api/v1/auth/logout"),
        plain("POST /api/v1/auth/logout-all"),
        plain("GET /api/v1/auth/sessions"),
        needing("DELETE /api/v1/auth/sessions/{sessionId}", &[Thing::Session]),
        plain("GET /api/v1/users/me"),
        with("PUT /api/v1/users/me", &[], |scene| Made::body(json!({"name": scene.words.name}))),
        plain("GET /api/v1/users/me/preferences"),
        with("PUT /api/v1/users/me/preferences", &[], |_| Made::body(json!({"darkMode": true}))),
    ]
}
