//! What is said of an object that others replace or delete meanwhile.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cos_emulator::Emulator;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::client::{Answer, Ask};

/// A body that tells when it is asked for, and comes when it may.
struct Late {
    asked: Option<oneshot::Sender<()>>,
    may: oneshot::Receiver<()>,
    bytes: Option<Bytes>,
}

impl Body for Late {
    type Data = Bytes;
    type Error = oneshot::error::RecvError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(asked) = self.asked.take() {
            asked.send(()).unwrap();
        }
        if self.bytes.is_some() {
            ready!(Pin::new(&mut self.may).poll(context))?;
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Sends a request whose body comes when `meanwhile` is answered.
async fn around(emulator: &Emulator, ask: Ask, meanwhile: Ask) -> Answer {
    let ((asked, is_asked), (go, may)) = (oneshot::channel(), oneshot::channel());
    let bytes = Some(ask.body.clone());
    let request = ask.request().map(|_| Late { asked: Some(asked), may, bytes });
    let between = async {
        is_asked.await.unwrap();
        let answer = meanwhile.send(emulator).await;
        assert!(answer.status.is_success(), "{}", answer.text());
        go.send(()).unwrap();
    };
    let service = emulator.service();
    let (response, ()) = tokio::join!(service.call(request), between);
    Answer::of(response.unwrap()).await.unwrap()
}

fn ask(emulator: &Emulator, what: &str) -> Ask {
    let (method, body) = match what {
        "tagging" => ("PUT", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"),
        "acl" => (
            "PUT",
            "<AccessControlPolicy><Owner><ID>1</ID></Owner><AccessControlList><Grant>\
             <Grantee><ID>2</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
        ),
        _ => ("POST", "<RestoreRequest><Days>1</Days></RestoreRequest>"),
    };
    Ask::new(emulator, method, "/k").query(what, "").body(body)
}

fn put(emulator: &Emulator, bytes: &'static str) -> Ask {
    Ask::new(emulator, "PUT", "/k").header("x-cos-storage-class", "ARCHIVE").body(bytes)
}

#[tokio::test]
async fn what_is_said_of_an_object_is_said_of_the_one_that_is_there_by_then() {
    for (what, success) in [("tagging", "200"), ("acl", "200"), ("restore", "202")] {
        let emulator = Emulator::builder().in_memory().unwrap();
        put(&emulator, "old").send(&emulator).await;
        let answer = around(&emulator, ask(&emulator, what), put(&emulator, "new")).await;
        assert_eq!(answer.verdict(), success, "{what}");
        let head = Ask::new(&emulator, "HEAD", "/k").send(&emulator).await;
        let stored = emulator.object(emulator.bucket(), "k").unwrap();
        assert_eq!(stored.bytes(), "new");
        let said = match what {
            "tagging" => !stored.tags().is_empty(),
            "acl" => stored.acl() == Some("private"),
            _ => head.header("x-cos-restore") == "ongoing-request=\"true\"",
        };
        assert!(said, "{what}");
        let delete = Ask::new(&emulator, "DELETE", "/k");
        assert_eq!(around(&emulator, ask(&emulator, what), delete).await.verdict(), "404 NoSuchKey", "{what}");
    }
}

#[tokio::test]
async fn a_version_that_is_named_is_the_one_that_is_meant() {
    for (what, success) in [("tagging", "200"), ("acl", "200"), ("restore", "202")] {
        let emulator = Emulator::builder().versioned_bucket("versions-1250000000", "ap-guangzhou").in_memory().unwrap();
        let here = |ask: Ask| ask.host("versions-1250000000.cos.ap-guangzhou.myqcloud.com");
        let old = here(put(&emulator, "old")).send(&emulator).await.header("x-cos-version-id").to_owned();
        let named = || here(ask(&emulator, what).query("versionId", &old));
        let answer = around(&emulator, named(), here(put(&emulator, "new"))).await;
        assert_eq!(answer.verdict(), success, "{what}");
        let delete = here(Ask::new(&emulator, "DELETE", "/k").query("versionId", &old));
        assert_eq!(around(&emulator, named(), delete).await.verdict(), "404 NoSuchVersion", "{what}");
        let marker = here(Ask::new(&emulator, "DELETE", "/k"));
        let answer = around(&emulator, here(ask(&emulator, what)), marker).await;
        assert_eq!(
            (answer.verdict().as_str(), answer.header("x-cos-delete-marker")),
            ("404 NoSuchKey", "true"),
            "{what}"
        );
    }
}

/// The class decides what can be restored, and who may say it the list that is there by then.
#[tokio::test]
async fn what_counts_is_what_the_object_is_by_then() {
    let emulator = Emulator::builder().in_memory().unwrap();
    put(&emulator, "old").send(&emulator).await;
    let standard = Ask::new(&emulator, "PUT", "/k").body("new");
    let answer = around(&emulator, ask(&emulator, "restore"), standard).await;
    assert_eq!(answer.verdict(), "405 RestoreNonArchiveObject");
    let open = "<AccessControlPolicy><Owner><ID>1</ID></Owner><AccessControlList><Grant><Grantee>\
                <URI>http://cam.qcloud.com/groups/global/AllUsers</URI></Grantee><Permission>WRITE_ACP</Permission>\
                </Grant></AccessControlList></AccessControlPolicy>";
    let open = Ask::new(&emulator, "PUT", "/k").query("acl", "").body(open).send(&emulator).await;
    assert_eq!(open.verdict(), "200");
    let stranger = || ask(&emulator, "acl").anonymous();
    let closed = Ask::new(&emulator, "PUT", "/k").query("acl", "").header("x-cos-acl", "private");
    assert_eq!(around(&emulator, stranger(), closed).await.verdict(), "403 AccessDenied");
}
