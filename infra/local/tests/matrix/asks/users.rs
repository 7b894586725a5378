use base64::Engine;
use serde_json::json;

use super::{Ask, Made, needing, plain, with};
use crate::scene::Scene;
use crate::scene::Thing::{Address, Person};

/// An image of 8 x 8 pixels, with the name Canary Finch in its EXIF data and in a comment.
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAHHRFWHRDb21tZW50AENhbmFyeSBGaW5jaCBhdCBob21l7AbY\
     1AAAACdlWElmSUkqAAgAAAABAA4BAgANAAAAGgAAAAAAAABDYW5hcnkgRmluY2gASoOGEQAAAGxJREFUeNoNyUEBADAIAzGk\
     IKU67oUUpFQKUiplyzdVRRcqptjCxRUpqppu1EyzjZtr0j9EC4kRKyxORD+GHjTMsIOHGzI/ll60zLKLl1uyP0wbmTFrbM7E\
     P44+dMyxh487cj9CB4UJGxwuJDwZzk6B6UJiowAAAABJRU5ErkJggg==";

pub(super) fn asks() -> Vec<Ask> {
    vec![
        plain("GET /api/v1/users/me"),
        with("PUT /api/v1/users/me", &[], |scene| {
            let words = &scene.words;
            Made::body(json!({"name": words.name, "phoneNumber": words.phone, "title": "MD"}))
        }),
        with("PUT /api/v1/users/me/avatar", &[], |_| {
            let picture = base64::engine::general_purpose::STANDARD.decode(PICTURE).unwrap();
            Made { file: Some(("image/png", picture)), ..Made::default() }
        }),
        plain("GET /api/v1/users/me/preferences"),
        with("PUT /api/v1/users/me/preferences", &[], |_| Made::body(json!({"darkMode": true}))),
        needing("GET /api/v1/users/me/addresses", &[Address]),
        with("POST /api/v1/users/me/addresses", &[], |scene| Made::body(address(scene))),
        with("PUT /api/v1/users/me/addresses/{addressId}", &[Address], |scene| Made::body(address(scene))),
        needing("DELETE /api/v1/users/me/addresses/{addressId}", &[Address]),
        plain("GET /api/v1/users"),
        with("POST /api/v1/users", &[], |scene| {
            let words = &scene.words;
            let email = format!("invited.{}", words.email);
            Made::body(json!({"name": words.name, "email": email, "role": "Nurse", "phoneNumber": words.phone}))
        }),
        needing("GET /api/v1/users/{userId}", &[Person]),
        with("PUT /api/v1/users/{userId}", &[Person], |_| Made::body(json!({"title": "MD, PhD"}))),
        needing("DELETE /api/v1/users/{userId}", &[Person]),
        needing("GET /api/v1/users/{userId}/activity", &[Person]),
    ]
}

/// A postal address.
pub(crate) fn address(scene: &Scene) -> serde_json::Value {
    let words = &scene.words;
    json!({"street": words.street, "city": words.name, "state": words.name, "postalCode": "62704", "country": "US"})
}
