//! Callbacks of uploads: COS asks a server of the user's before it answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use tencent_cos::transfer::Upload;
use tencent_cos::{
    Attributes, Callback, CompleteMultipartUpload, ErrorKind, InitiateMultipartUpload, PutObject, UploadPart,
};
use tokio::net::TcpListener;

use crate::support;

/// What a server was told: its path, `Host`, `Content-Type` and body.
type Told = Arc<Mutex<Vec<[String; 4]>>>;

/// A server that answers `said` with this status.
async fn server(status: StatusCode, said: &'static str) -> (String, Told) {
    let told = Told::default();
    let ears = Arc::clone(&told);
    let app = Router::new().fallback(move |request: Request| async move {
        let (head, body) = request.into_parts();
        let header = |name| head.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        ears.lock().unwrap().push([head.uri.to_string(), header("host"), header("content-type"), body]);
        (status, said)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await });
    (url, told)
}

fn heard(told: &Told) -> Vec<[String; 4]> {
    std::mem::take(&mut told.lock().unwrap())
}

#[tokio::test]
async fn what_the_server_says_of_an_object_comes_with_the_output() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let (url, told) = server(StatusCode::OK, r#"{"ok":1}"#).await;
    let template = r#"{"key": ${object}, "bytes": ${size}, "type": ${mimeType}, "user": ${x:user}}"#;
    let callback =
        Callback::new(format!("{url}/up?a=b"), template).json().host("app.example").variable("user", "\"夏\"");
    let put = PutObject::new("a \"b\".png".parse().unwrap(), "hello").callback(callback);
    let output = bucket.send(put).await.unwrap();
    assert_eq!(output.callback, Some(Ok(Bytes::from(r#"{"ok":1}"#))));
    let [path, host, kind, body] = &heard(&told)[0];
    assert_eq!([path, host, kind], ["/up?a=b", "app.example", "application/json"]);
    assert_eq!(body, r#"{"key": "a \"b\".png", "bytes": 5, "type": "image/png", "user": "\"夏\""}"#);

    // The first that answers counts, and of a form it is the text as it is.
    let callback = Callback::new("http://127.0.0.1:1/", "etag=${etag}&x=${x:none}").or_url(&url);
    let output = bucket.send(PutObject::new("k".parse().unwrap(), "hello").callback(callback)).await.unwrap();
    assert!(matches!(output.callback, Some(Ok(_))), "{output:?}");
    let [path, host, kind, body] = &heard(&told)[0];
    assert_eq!([path, kind], ["/", "application/x-www-form-urlencoded"]);
    assert_eq!((host.as_str(), body), (&url[7..], &format!("etag={}&x=", output.etag)));

    let output = bucket.put("k", "hello").await.unwrap();
    assert_eq!(output.callback, None);
}

#[tokio::test]
async fn a_callback_that_fails_fails_no_upload() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let (url, told) = server(StatusCode::INTERNAL_SERVER_ERROR, "no").await;
    let callback = Callback::new(&url, "key=${object}");
    let source = support::noise((2 << 20) + 1, 1);
    for (key, bytes, parts) in [("small", source.slice(..9), 0), ("large", source, 3)] {
        let upload = Upload::new(key.parse().unwrap(), bytes.clone()).part_size(1 << 20).callback(callback.clone());
        let output = bucket.transfer(upload).await.unwrap();
        let failure = output.callback.as_ref().unwrap().as_ref().unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (203, "CallbackFailed"), "{key}");
        assert!(failure.message.contains("500") && failure.request_id == output.request_id(), "{failure:?}");
        assert_eq!(output.parts, parts);
        assert_eq!(emulator.object(emulator.bucket(), key).unwrap().bytes(), bytes);
        assert_eq!(heard(&told).len(), 1, "{key}: one upload, one callback");
    }
}

#[tokio::test]
async fn an_object_of_parts_is_called_back_once_and_with_its_own_size() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let (url, told) = server(StatusCode::OK, "seen <&>").await;
    let callback = Callback::new(&url, "${bucket}/${object} ${size} ${mimeType}");
    let source = support::noise((2 << 20) + 1, 1);
    let upload = Upload::new("video".parse().unwrap(), source)
        .attributes(Attributes::new().content_type("video/mp4"))
        .part_size(1 << 20)
        .callback(callback.clone());
    let output = bucket.transfer(upload).await.unwrap();
    assert_eq!(output.callback, Some(Ok(Bytes::from("seen <&>"))));
    assert_eq!(heard(&told)[0][3], format!("{}/video 2097153 video/mp4", emulator.bucket()));

    let key: tencent_cos::ObjectKey = "call-by-call".parse().unwrap();
    let upload_id = bucket.send(InitiateMultipartUpload::new(key.clone())).await.unwrap().upload_id;
    let part = bucket.send(UploadPart::new(key.clone(), &upload_id, 1, "part")).await.unwrap();
    let complete = CompleteMultipartUpload::new(key, &upload_id, [&part]).callback(callback);
    assert_eq!(bucket.send(complete).await.unwrap().callback, Some(Ok(Bytes::from("seen <&>"))));
    assert_eq!(heard(&told).len(), 1);
}

#[tokio::test]
async fn a_callback_that_cannot_be_is_refused_before_any_request() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let callback = Callback::new("app.example/uploaded", "key=${object}");
    for length in [1, 3 << 20] {
        let upload = Upload::new("k".parse().unwrap(), support::noise(length, 1)).part_size(1 << 20);
        let error = bucket.transfer(upload.callback(callback.clone())).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("callback")));
    }
    assert!(emulator.journal().is_empty());
}

#[tokio::test]
async fn whoever_has_a_presigned_url_sends_its_callback_and_no_other() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let (url, told) = server(StatusCode::OK, "seen").await;
    let put = PutObject::new("k".parse().unwrap(), "").callback(Callback::new(&url, "key=${object}"));
    let presigned = bucket.presign(put, Duration::from_secs(600)).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let send = |headers| http.put(&presigned.url).headers(headers).body("hello").send();
    let mut another = presigned.headers.clone();
    another.insert("x-cos-callback", "e30=".parse().unwrap());
    assert_eq!(send(another).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(heard(&told).len(), 0);
    let answer = send(presigned.headers.clone()).await.unwrap();
    assert_eq!((answer.status(), answer.text().await.unwrap().as_str()), (StatusCode::OK, "seen"));
    assert_eq!(heard(&told)[0][3], "key=k");
}
