use axum::extract::State;
use http::header;
use serde::Serialize;
use utoipa::ToSchema;
use web::{App, Json};

/// The public keys of access tokens (RFC 7517).
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object, example = json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
    "kid": "0w1y...", "x": "f83O...", "y": "x_FE..."}]}))]
pub(crate) struct KeySet(serde_json::Value);

/// Public keys
///
/// What the API gateway and other services check access tokens with. While keys are being changed there are several;
/// `kid` tells which.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "auth",
    responses((status = 200, body = KeySet, description = "May be kept for five minutes")),
)]
pub(crate) async fn get_jwks(State(app): State<App>) -> ([(header::HeaderName, &'static str); 1], Json<KeySet>) {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(KeySet(app.tokens.jwks())))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
    use kernel::Role;
    use serde_json::Value;
    use testkit::TestApp;

    use crate::testing;

    testkit::on_both_platforms! {
        functions: || vec![crate::function()];
        anyone_can_check_a_token_with_the_keys,
    }

    async fn anyone_can_check_a_token_with_the_keys(app: TestApp) {
        let made = testing::register(&app, "ann@example.com", Role::Nurse).await;
        let response = app.get("/.well-known/jwks.json").send().await;
        assert_eq!(response.headers["cache-control"], "public, max-age=300");
        assert!(response.body["keys"][0].get("d").is_none(), "no private part: {}", response.body);
        let keys: JwkSet = serde_json::from_value(response.body).unwrap();
        let token = made["token"].as_str().unwrap();
        let key = keys.find(&decode_header(token).unwrap().kid.unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&["consentmd"]);
        validation.set_audience(&["consentmd"]);
        validation.validate_exp = false;
        let claims = decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims;
        assert_eq!((&claims["sub"], &claims["role"]), (&made["data"]["id"], &Value::from("Nurse")));
        assert!(!claims.to_string().contains("ann"), "nothing personal: {claims}");
    }
}
