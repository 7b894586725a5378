use std::collections::BTreeMap;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Info, OpenApi, OpenApiBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::error::{ErrorBody, ErrorInfo};

/// The errors that any operation may answer, for its document: `responses(.., Problems)`.
#[derive(Debug)]
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let list = [
            ("400", "The request is malformed, or a field is wrong; `details.field` names it"),
            ("401", "No valid access token"),
            ("403", "The caller may not do this"),
            ("404", "There is none, or none that the caller may know of"),
            ("409", "It exists already, or has changed meanwhile"),
            ("429", "Too many requests; see `Retry-After`"),
            ("500", "A fault of the service; it was logged"),
            ("503", "Something needed does not answer; see `Retry-After`"),
        ];
        let content =
            || utoipa::openapi::ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
        let response =
            |text: &str| ResponseBuilder::new().description(text).content("application/json", content()).build();
        list.into_iter().map(|(status, text)| (status.to_owned(), response(text).into())).collect()
    }
}

/// The API document's frame: title, security scheme and the shared schemas. Functions add their paths.
pub fn document(version: &str) -> OpenApi {
    let mut schemas = vec![(ErrorBody::name().into_owned(), ErrorBody::schema())];
    schemas.push((ErrorInfo::name().into_owned(), ErrorInfo::schema()));
    ErrorBody::schemas(&mut schemas);
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The `token` that POST /api/v1/auth/login answers."))
        .build();
    let components = schemas
        .into_iter()
        .fold(ComponentsBuilder::new(), |components, (name, schema)| components.schema(name, schema))
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .build();
    let mut info = Info::new("ConsentMD", version);
    info.description = Some(
        "Secure clinician-patient chat, notes with evidence, notifications and live events.\n\n\
         Times are RFC 3339 in UTC, ids are opaque, unknown fields are refused. Every POST, PUT and DELETE takes an \
         `Idempotency-Key` header: the same key and body give the same answer and take effect once; the same key with \
         another body is refused with 422.\n\n\
         Live events come over the WebSocket `/ws` as `{\"event\", \"data\"}` frames, or over Socket.IO v4 at `/socket.io/`."
            .to_owned(),
    );
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}
