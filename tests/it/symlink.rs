//! Symbolic links.

use cos_emulator::{Action, Effect, Rule};
use tencent_cos::transfer::{Compare, DownloadDirectory};
use tencent_cos::{
    CsvInput, CsvOutput, DeleteObject, ErrorKind, GetSymlink, PutObject, PutSymlink, SelectInput, SelectObjectContent,
    SelectOutput, Tags,
};

use crate::support::{InMemory, bucket, emulator};

#[tokio::test]
async fn a_link_shows_what_it_leads_to_under_every_name() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    for target in ["plain", "a b/100%+.txt", "中文/😀", "/lead", "a/../b", "%2F", "a\nb"] {
        bucket.put(target, format!("this is {target}")).await.unwrap();
        let made = bucket.send(PutSymlink::new("link".parse().unwrap(), target.parse().unwrap())).await.unwrap();
        assert!(made.etag.is_some());
        let link = bucket.send(GetSymlink::new("link".parse().unwrap())).await.unwrap();
        assert_eq!((link.target.as_str(), link.etag.as_deref()), (target, made.etag.as_deref()));
        let shown = bucket.get("link").await.unwrap().bytes(1024).await.unwrap();
        assert_eq!(shown, format!("this is {target}"));
        let length = bucket.head("link").await.unwrap().content_length();
        assert_eq!(length, Some(shown.len() as u64));
    }
    // What is removed is the link.
    bucket.send(DeleteObject::new("link".parse().unwrap()).unversioned()).await.unwrap();
    assert!(bucket.send(GetSymlink::new("link".parse().unwrap())).await.unwrap_err().is_not_found());
    assert!(bucket.exists("plain").await.unwrap());
}

#[tokio::test]
async fn a_large_object_is_downloaded_through_a_link() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let large: Vec<u8> = (0..20_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    bucket.upload("large", large.clone()).await.unwrap();
    bucket.send(PutSymlink::new("link".parse().unwrap(), "large".parse().unwrap())).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("here");
    bucket.download("link", &into).await.unwrap();
    assert!(std::fs::read(&into).unwrap() == large);
}

#[tokio::test]
async fn a_directory_comes_down_with_what_its_links_lead_to() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    bucket.put("d/target", "hello").await.unwrap();
    bucket.send(PutSymlink::new("d/link".parse().unwrap(), "d/target".parse().unwrap())).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    // The list names the length of the link, which is that of a key: it is taken for changed each time.
    for (transferred, bytes) in [(2, 10), (1, 5)] {
        let job = DownloadDirectory::new("d/", folder.path()).sync(Compare::Crc64);
        let report = bucket.transfer(job).await.unwrap();
        assert!(report.failures.is_empty(), "{report:?}");
        assert_eq!((report.transferred, report.bytes), (transferred, bytes));
        for name in ["target", "link"] {
            assert_eq!(std::fs::read(folder.path().join(name)).unwrap(), b"hello");
        }
    }
}

#[tokio::test]
async fn what_is_no_link_and_what_leads_nowhere_is_told() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    bucket.send(PutObject::new("k".parse().unwrap(), "x").tags(Tags::new().tag("a", "b"))).await.unwrap();
    let error = bucket.send(GetSymlink::new("k".parse().unwrap())).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), (Some("NotSymlink"), ErrorKind::Service));
    // How COS takes a link there is not documented; its bytes, the key of the target, are no answer.
    let (input, output) = (SelectInput::csv(CsvInput::new()), SelectOutput::csv(CsvOutput::new()));
    bucket.send(PutSymlink::new("link".parse().unwrap(), "k".parse().unwrap())).await.unwrap();
    let select = SelectObjectContent::new("link".parse().unwrap(), "SELECT * FROM COSObject", input, output);
    assert_eq!(bucket.send(select).await.unwrap_err().status(), Some(501));
    let guarded = PutSymlink::new("k".parse().unwrap(), "none".parse().unwrap()).forbid_overwrite();
    assert_eq!(bucket.send(guarded).await.unwrap_err().code(), Some("FileAlreadyExists"));
    bucket.send(PutSymlink::new("lost".parse().unwrap(), "none".parse().unwrap())).await.unwrap();
    assert!(bucket.get("lost").await.unwrap_err().is_not_found());
    assert!(!bucket.exists("lost").await.unwrap());
}

/// HEAD shows the target: it cannot tell whose link there is.
#[tokio::test(start_paused = true)]
async fn a_guarded_link_whose_answer_was_lost_is_not_called_made_nor_refused() {
    for effect in [Effect::Skip, Effect::Apply] {
        let memory = InMemory::new();
        let bucket = memory.bucket_of(memory.client());
        bucket.put("target", "x").await.unwrap();
        let lost = Rule::on("PUT Object symlink").then(Action::ResetBeforeHeaders).effect(effect);
        memory.emulator.script(lost);
        let link = PutSymlink::new("link".parse().unwrap(), "target".parse().unwrap()).forbid_overwrite();
        let made = bucket.send(link).await;
        match effect {
            Effect::Skip => assert!(made.is_ok(), "{made:?}"),
            Effect::Apply => {
                let error = made.unwrap_err();
                assert_eq!((error.kind(), error.may_have_taken_effect()), (ErrorKind::Ambiguous, true), "{error}");
            }
        }
        assert_eq!(bucket.get("link").await.unwrap().bytes(9).await.unwrap(), "x");
    }
}
