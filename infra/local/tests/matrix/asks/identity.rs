use serde_json::json;

use super::{Ask, Made, needing, plain, with};
use crate::scene::Thing::{Account, EmailToken, Mfa, MfaOffer, OtpCode, OtpRequest, Password, ResetToken, Session};

pub(super) fn asks() -> Vec<Ask> {
    vec![
        plain("GET /.well-known/jwks.json"),
        with("POST /api/v1/auth/register", &[], |scene| {
            let words = &scene.words;
            let email = format!("new.{}", words.email);
            Made::body(json!({"name": words.name, "email": email, "password": words.password, "role": "Patient",
                              "phoneNumber": words.phone, "title": words.name}))
        }),
        with("POST /api/v1/auth/login", &[Account], |scene| {
            Made::body(json!({"email": scene.id("email"), "password": scene.id("password")}))
        }),
        with("POST /api/v1/auth/refresh", &[Account], |scene| {
            Made::body(json!({"refreshToken": scene.id("refreshToken")}))
        }),
        with("POST /api/v1/auth/verify-email", &[Account, EmailToken], |scene| {
            Made::body(json!({"token": scene.id("emailToken")}))
        }),
        with("POST /api/v1/auth/forgot-password", &[Account], |scene| Made::body(json!({"email": scene.id("email")}))),
        with("POST /api/v1/auth/reset-password", &[Account, ResetToken], |scene| {
            let password = format!("another-{}", scene.words.password);
            Made::body(json!({"token": scene.id("resetToken"), "newPassword": password}))
        }),
        with("POST /api/v1/auth/request-otp", &[Account], |scene| {
            Made::body(json!({"email": scene.id("email"), "channel": "email"}))
        }),
        with("POST /api/v1/auth/resend-otp", &[Account, OtpRequest], |scene| {
            Made::body(json!({"requestId": scene.id("requestId")}))
        }),
        with("POST /api/v1/auth/verify-otp", &[Account, OtpCode], |scene| {
            Made::body(json!({"requestId": scene.id("requestId"), "code": scene.id("code")}))
        }),
        with("POST /api/v1/auth/change-password", &[Password], |scene| {
            let password = format!("another-{}", scene.words.password);
            Made::body(json!({"currentPassword": scene.id("password"), "newPassword": password}))
        }),
        plain("POST /api/v1/auth/enable-mfa"),
        plain("POST /api/v1/auth/mfa/enable"),
        with("POST /api/v1/auth/verify-mfa", &[Password, MfaOffer], |scene| {
            Made::body(json!({"code": scene.id("code"), "password": scene.id("password")}))
        }),
        with("POST /api/v1/auth/mfa/verify", &[Password, MfaOffer], |scene| {
            Made::body(json!({"code": scene.id("code"), "password": scene.id("password")}))
        }),
        with("POST /api/v1/auth/disable-mfa", &[Password, MfaOffer, Mfa], |scene| {
            Made::body(json!({"password": scene.id("password"), "code": scene.id("backupCode")}))
        }),
        plain("POST /api/v1/auth/logout"),
        plain("POST /api/v1/auth/logout-all"),
        plain("GET /api/v1/auth/sessions"),
        needing("DELETE /api/v1/auth/sessions/{sessionId}", &[Session]),
    ]
}
