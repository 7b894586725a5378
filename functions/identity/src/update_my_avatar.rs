use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request, State};
use http::{StatusCode, header};
use kernel::RandomExt;
use model::user::USERS;
use utoipa::ToSchema;
use web::{ApiError, App, Caller, Code, Json, Problems};

use crate::accounts::{AccountKey, or_closed};
use crate::avatars;
use crate::get_my_profile::MyProfile;

/// The form with the image.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the form in the API's document")]
pub(crate) struct AvatarForm {
    /// A PNG, JPEG or WebP image.
    #[schema(value_type = String, format = Binary)]
    avatar: Vec<u8>,
}

/// Upload my avatar
///
/// Takes a PNG, JPEG or WebP image of at most 5 MiB and 4096 x 4096 pixels, as the field `avatar` of a form or as the body
/// itself, and keeps a square of 256 x 256 pixels of it, without what cameras write beside the pixels. Answers the
/// profile, with a URL of the image.
#[utoipa::path(
    put, path = "/api/v1/users/me/avatar", tag = "users", security(("bearer" = [])),
    request_body(content((AvatarForm = "multipart/form-data"), (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
    responses((status = 200, body = MyProfile, description = "The profile"), Problems),
)]
pub(crate) async fn update_my_avatar(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> Result<Json<MyProfile>, ApiError> {
    app.limits.upload(&caller)?;
    let picture = avatars::make(read(request).await?).await?;
    let version = format!("{}.{}", app.random.uuid().simple(), picture.extension);
    let name = avatars::name(caller.tenant(), caller.user(), &version)?;
    let most = picture.bytes.len() as u64;
    app.blobs.put(&name, picture.bytes.into(), picture.content_type, most).await.map_err(not_stored)?;
    let id = caller.user().as_str();
    caller.trail.action("profile.avatar").entity("user", id);
    let saved = caller
        .store
        .transact("update-avatar", async |tx| {
            let mut user = or_closed(tx.get(&USERS, id).await?.map(|doc| doc.value))?;
            let replaced = user.avatar.replace(version.clone());
            user.updated_at = app.now();
            tx.put(&USERS, id, &user)?;
            Ok::<_, ApiError>((user, replaced))
        })
        .await;
    let left = match &saved {
        Ok((_, replaced)) => replaced.clone(),
        Err(_) => Some(version),
    };
    forget(&app, &caller, left).await;
    let (user, _) = saved?;
    let key = AccountKey::of(&app, &caller.store, caller.user()).await?;
    Ok(Json(MyProfile::open(&app, &key, user).await?))
}

/// The image in a request: the field `avatar` of a form, or the body itself.
async fn read(request: Request) -> Result<Vec<u8>, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if kind == "multipart/form-data" {
        let mut form = Multipart::from_request(request, &())
            .await
            .map_err(|_| ApiError::new(Code::InvalidRequest, "The form has no boundary in its Content-Type."))?;
        while let Some(field) = form.next_field().await.map_err(unreadable)? {
            if field.name() == Some("avatar") {
                return Ok(field.bytes().await.map_err(unreadable)?.to_vec());
            }
        }
        return Err(ApiError::field("avatar", "avatar: the form has no such field"));
    }
    if !kind.starts_with("image/") && kind != "application/octet-stream" {
        let told = "Send an image, or a form (multipart/form-data) with the field avatar.";
        return Err(ApiError::new(Code::InvalidRequest, told).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    match Bytes::from_request(request, &()).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(avatars::too_large()),
        Err(_) => Err(ApiError::new(Code::InvalidRequest, "The body could not be read to its end.")),
    }
}

fn unreadable(error: MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return avatars::too_large();
    }
    ApiError::new(Code::InvalidRequest, "The form could not be read to its end.")
}

fn not_stored(error: blobs::Error) -> ApiError {
    if error.is_retryable() {
        return ApiError::unavailable("The image could not be stored now. Please try again.", error);
    }
    ApiError::internal(error)
}

/// Removes an image that nobody shows any more. One that stays is only a waste of room.
async fn forget(app: &App, caller: &Caller, version: Option<String>) {
    let Some(version) = version else { return };
    let Ok(name) = avatars::name(caller.tenant(), caller.user(), &version) else { return };
    if let Err(error) = app.blobs.delete(&name).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a replaced avatar could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use image::ImageFormat;
    use kernel::Role;
    use model::user::USERS;
    use serde_json::{Value, json};
    use testkit::{Build, TestApp, TestRequest, TestUser};
    use web::{RateLimits, Settings};

    use crate::avatars::tests::{two_halves, with_exif};
    use crate::avatars::{MOST_BYTES, name};

    testkit::on_both_platforms! {
        builds;
        an_upload_becomes_the_avatar, a_form_does_too, what_is_no_image_is_refused, uploads_are_counted,
        nothing_is_left_behind,
    }

    async fn build(given: Build) -> (TestApp, TestUser) {
        let app = TestApp::build(given, vec![crate::function()]).await;
        let pat = app.user(Role::Patient, "Pat").await;
        (app, pat)
    }

    fn put(app: &TestApp, by: &TestUser, kind: &str, body: Vec<u8>) -> TestRequest {
        app.put("/api/v1/users/me/avatar").by(by).bytes(kind, body)
    }

    fn form(field: &str, content: &[u8]) -> Vec<u8> {
        let head = format!(
            "--b7\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"../../me.png\"\r\ncontent-type: text/html\r\n\r\n"
        );
        [head.as_bytes(), content, b"\r\n--b7--\r\n"].concat()
    }

    const FORM: &str = "multipart/form-data; boundary=b7";

    /// The version that the account has, and what is stored under it.
    async fn stored(app: &TestApp, user: &TestUser) -> (String, Option<Vec<u8>>) {
        let version = app.store.get(&USERS, user.id.as_str()).await.unwrap().unwrap().value.avatar.unwrap();
        (version.clone(), blob(app, user, &version).await)
    }

    async fn blob(app: &TestApp, user: &TestUser, version: &str) -> Option<Vec<u8>> {
        let found = app.app.blobs.get(&name(&app.tenant, &user.id, version).unwrap()).await.unwrap()?;
        Some(found.content.read(MOST_BYTES).await.unwrap().to_vec())
    }

    async fn an_upload_becomes_the_avatar(given: Build) {
        let (app, pat) = build(given).await;
        let photo = with_exif(&two_halves(800, 600, ImageFormat::Jpeg), 1);
        // Whatever it is called, its content decides.
        let profile = put(&app, &pat, "image/png", photo).expect(200).await;
        let url = profile["avatar"].as_str().unwrap();
        let (version, bytes) = stored(&app, &pat).await;
        assert!(url.contains(&version), "{url}");
        let bytes = bytes.unwrap();
        assert_eq!(image::load_from_memory(&bytes).unwrap().to_rgb8().dimensions(), (256, 256));
        assert!(!String::from_utf8_lossy(&bytes).contains("Canary"));
        assert_eq!(app.get("/api/v1/users/me").by(&pat).expect(200).await["avatar"], url);
        let admin = app.user(Role::Admin, "Ada").await;
        assert_eq!(app.get(&format!("/api/v1/users/{}", pat.id)).by(&admin).expect(200).await["avatar"], url);
        let list = app.get("/api/v1/users?search=pat").by(&admin).expect(200).await;
        assert_eq!(list["data"][0]["avatar"], url);

        put(&app, &pat, "image/webp", two_halves(100, 100, ImageFormat::WebP)).expect(200).await;
        assert_ne!(stored(&app, &pat).await.0, version);
        assert_eq!(blob(&app, &pat, &version).await, None, "the replaced one is gone");
    }

    async fn a_form_does_too(given: Build) {
        let (app, pat) = build(given).await;
        let png = two_halves(64, 64, ImageFormat::Png);
        put(&app, &pat, FORM, form("avatar", &png)).expect(200).await;
        assert!(stored(&app, &pat).await.1.is_some());
        for wrong in [form("picture", &png), b"--b7--\r\n".to_vec()] {
            assert_eq!(put(&app, &pat, FORM, wrong).refused(400, "VALIDATION_ERROR").await, "avatar");
        }
        put(&app, &pat, "multipart/form-data", form("avatar", &png)).refused(400, "INVALID_REQUEST").await;
        put(&app, &pat, FORM, form("avatar", &png)[..60].to_vec()).refused(400, "INVALID_REQUEST").await;
    }

    async fn what_is_no_image_is_refused(given: Build) {
        let (app, pat) = build(given).await;
        let refused = async |kind: &str, body: Vec<u8>| {
            assert_eq!(put(&app, &pat, kind, body).refused(400, "VALIDATION_ERROR").await, "avatar");
        };
        refused("image/png", b"<svg onload='alert(1)'/>".to_vec()).await;
        refused("image/png", Vec::new()).await;
        refused("image/png", vec![0; MOST_BYTES + 1]).await;
        refused("image/png", vec![0; MOST_BYTES + 200_000]).await;
        refused(FORM, form("avatar", &vec![0; MOST_BYTES + 200_000])).await;
        refused("image/png", two_halves(4097, 2, ImageFormat::Png)).await;
        let png = || two_halves(8, 8, ImageFormat::Png);
        put(&app, &pat, "application/json", png()).refused(415, "INVALID_REQUEST").await;
        app.put("/api/v1/users/me/avatar").bytes("image/png", png()).refused(401, "UNAUTHORIZED").await;
        assert_eq!(app.get("/api/v1/users/me").by(&pat).expect(200).await["avatar"], Value::Null);
    }

    async fn uploads_are_counted(mut given: Build) {
        given.settings =
            Settings { limits: RateLimits { uploads_per_minute: 2, ..RateLimits::default() }, ..given.settings };
        let (app, pat) = build(given).await;
        let png = || two_halves(8, 8, ImageFormat::Png);
        for _ in 0..2 {
            put(&app, &pat, "image/png", png()).expect(200).await;
        }
        let refused = put(&app, &pat, "image/png", png()).send().await;
        assert_eq!((refused.status.as_u16(), &refused.body["error"]["code"]), (429, &json!("RATE_LIMITED")));
        assert_eq!(refused.headers["retry-after"], "30");
        let sam = app.user(Role::Patient, "Sam").await;
        put(&app, &sam, "image/png", png()).expect(200).await;
        app.clock.advance(Duration::from_secs(30));
        put(&app, &pat, "image/png", png()).expect(200).await;
    }

    async fn nothing_is_left_behind(given: Build) {
        let (app, pat) = build(given).await;
        let now = app.app.now();
        let closed = app.store.transact("test", async |tx| {
            let mut user = tx.get(&USERS, pat.id.as_str()).await?.unwrap().value;
            (user.active, user.updated_at) = (false, now);
            tx.put(&USERS, pat.id.as_str(), &user)
        });
        closed.await.unwrap();
        put(&app, &pat, "image/png", two_halves(8, 8, ImageFormat::Png)).refused(401, "UNAUTHORIZED").await;
        let prefix = format!("{}/avatars/", app.tenant);
        assert!(app.app.blobs.list(&prefix, None, 10).await.unwrap().is_empty());
    }
}
