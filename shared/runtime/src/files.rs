//! `/blobs/{name}`: files of this process's own folder, by signed URLs. Who has such a URL may do what it says; the access
//! decision was made before it was given out.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use blobs::{BlobInfo, Content, Grant, UrlError, UrlFor, UrlSigner};
use futures::TryStreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use web::{ApiError, App, Code};

pub(crate) fn routes(urls: UrlSigner) -> Router<App> {
    Router::new().route("/blobs/{*name}", get(download).put(upload)).layer(Extension(urls))
}

/// GET, and HEAD, which axum makes of it.
async fn download(State(app): State<App>, urls: Extension<UrlSigner>, request: Request) -> Result<Response, ApiError> {
    let Grant { name, .. } = granted(&app, &urls, &request)?;
    let blob = app.blobs.get(&name).await.map_err(failed)?.ok_or_else(|| ApiError::not_found("file"))?;
    let headers = headers_of(&blob.info);
    Ok((headers, Body::from_stream(blob.content.into_stream())).into_response())
}

async fn upload(State(app): State<App>, urls: Extension<UrlSigner>, request: Request) -> Result<StatusCode, ApiError> {
    let Grant { name, access } = granted(&app, &urls, &request)?;
    let UrlFor::Put { content_type, most_bytes } = access else { return Err(refused(UrlError::BadSignature)) };
    check(request.headers(), &content_type, most_bytes)?;
    let pieces = request.into_body().into_data_stream().map_err(std::io::Error::other);
    app.blobs.put(&name, Content::stream(pieces), &content_type, most_bytes).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses what the URL does not allow before it is sent.
fn check(headers: &HeaderMap, content_type: &str, most_bytes: u64) -> Result<(), ApiError> {
    let header = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if header(header::CONTENT_TYPE) != Some(content_type) {
        return Err(ApiError::field("Content-Type", format!("Content-Type: has to be {content_type} for this URL")));
    }
    let length = header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > most_bytes) { Err(too_large(most_bytes)) } else { Ok(()) }
}

fn granted(app: &App, urls: &UrlSigner, request: &Request) -> Result<Grant, ApiError> {
    let name = request.uri().path().strip_prefix("/blobs/").unwrap_or("");
    let query = request.uri().query().unwrap_or("");
    urls.verify(request.method().as_str(), name, query, app.now()).map_err(refused)
}

fn refused(error: UrlError) -> ApiError {
    match error {
        UrlError::Malformed => ApiError::not_found("file"),
        UrlError::BadSignature => {
            ApiError::forbidden("This URL was altered, or is for another method. Ask for a new one.")
        }
        UrlError::Expired => ApiError::forbidden("This URL has expired. Ask for a new one."),
    }
}

fn failed(error: blobs::Error) -> ApiError {
    match error {
        blobs::Error::TooLarge { most_bytes, .. } => too_large(most_bytes),
        blobs::Error::ContentBrokeOff { .. } => {
            ApiError::new(Code::InvalidRequest, "The file broke off before its end. Send it again.").with_cause(error)
        }
        error if error.is_retryable() => {
            ApiError::unavailable("The file store does not answer. Please try again.", error)
        }
        error => ApiError::internal(error),
    }
}

fn too_large(most_bytes: u64) -> ApiError {
    ApiError::new(Code::ValidationError, format!("The file may have at most {most_bytes} bytes with this URL."))
        .with_status(StatusCode::PAYLOAD_TOO_LARGE)
        .detail("mostBytes", most_bytes)
}

/// What people have uploaded is saved or shown in its place, and never run as a page of this service.
fn headers_of(info: &BlobInfo) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, info.bytes.into());
    if let Ok(kind) = HeaderValue::from_str(&info.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if let Some(tag) = info.sha256.as_ref().and_then(|hash| HeaderValue::from_str(&format!("\"{hash}\"")).ok()) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers
}
