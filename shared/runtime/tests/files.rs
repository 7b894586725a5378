//! Files up and down by signed URLs.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use blobs::{BlobName, SignedUrl, UrlFor};
use http::Method;
use kernel::Clock;
use testkit::TestApp;
use web::{Function, Need};

async fn url(app: &TestApp, access: UrlFor) -> SignedUrl {
    let name: BlobName = "clinic/files/f1".parse().unwrap();
    app.app.blobs.signed_url(&name, &access, app.clock.now().plus(Duration::from_secs(60))).await.unwrap()
}

fn put_text() -> UrlFor {
    UrlFor::Put { content_type: "text/html".to_owned(), most_bytes: 9 }
}

#[tokio::test]
async fn a_file_goes_up_and_comes_down() {
    let app = TestApp::on_sqlite(vec![Function::new("files").needs([Need::Files])]).await;
    let get = url(&app, UrlFor::Get).await.url;
    app.get(&get).refused(404, "NOT_FOUND").await;
    let put = url(&app, put_text()).await.url;
    let answer = app.put(&put).text("text/html", "<b>hi</b>".to_owned()).send().await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let down = app.get(&get).send().await;
    assert_eq!((down.status.as_u16(), down.body.as_str()), (200, Some("<b>hi</b>")));
    let header = |name: &str| down.headers.get(name).unwrap().to_str().unwrap();
    assert_eq!((header("content-type"), header("content-length")), ("text/html", "9"));
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!((header("content-disposition"), header("cache-control")), ("attachment", "no-store"));
    let head = app.request(Method::HEAD, &get).send().await;
    assert_eq!((head.status.as_u16(), head.headers.get("content-length").unwrap().to_str().unwrap()), (200, "9"));
    assert!(head.body.is_null());
}

#[tokio::test]
async fn a_url_allows_one_thing_for_a_while() {
    let app = TestApp::on_sqlite(vec![Function::new("files").needs([Need::Files])]).await;
    let (get, put) = (url(&app, UrlFor::Get).await.url, url(&app, put_text()).await.url);
    app.put(&get).text("text/html", "x".to_owned()).refused(403, "FORBIDDEN").await;
    app.get(&put).refused(403, "FORBIDDEN").await;
    app.get(&get.replace("files", "other")).refused(403, "FORBIDDEN").await;
    app.get("/blobs/clinic/files/f1").refused(404, "NOT_FOUND").await;
    app.get(&get.replace("clinic/", "clinic/%2e%2e/")).refused(404, "NOT_FOUND").await;
    let kind = app.put(&put).text("text/plain", "x".to_owned()).refused(400, "VALIDATION_ERROR").await;
    assert_eq!(kind, "Content-Type");
    app.put(&put).text("text/html", "ten bytes.".to_owned()).refused(413, "VALIDATION_ERROR").await;
    let said = app.put(&put).header("content-length", "10").text("text/html", String::new());
    said.refused(413, "VALIDATION_ERROR").await;
    app.clock.advance(Duration::from_secs(60));
    app.get(&get).refused(403, "FORBIDDEN").await;
    assert!(app.app.blobs.head(&"clinic/files/f1".parse().unwrap()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_function_gets_no_part_that_it_does_not_declare() {
    let app = TestApp::on_sqlite(vec![Function::new("plain")]).await;
    let name: BlobName = "clinic/files/f1".parse().unwrap();
    let expires = app.clock.now().plus(Duration::from_secs(60));
    let refused = app.app.blobs.signed_url(&name, &UrlFor::Get, expires).await.unwrap_err();
    assert!(!refused.is_retryable());
    let why = std::error::Error::source(&refused).unwrap().to_string();
    assert!(why.contains("\"files\"") && why.contains("web::Function::needs"), "{why}");
    assert!(app.app.checkpoints.put_new(&name, "x".into(), "text/plain", 9).await.is_err());
    assert!(app.app.live.subscribe().await.is_err());
    assert!(!app.app.tokens.can_sign() && app.tokens.can_sign());
}
