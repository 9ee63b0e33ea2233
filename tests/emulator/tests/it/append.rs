//! APPEND Object.

use cos_emulator::Emulator;

use crate::client::Ask;

fn emulator() -> Emulator {
    Emulator::builder().in_memory().unwrap()
}

fn append(emulator: &Emulator, position: &str, body: &'static str) -> Ask {
    Ask::new(emulator, "POST", "/k.txt").query("append", "").query("position", position).body(body)
}

#[tokio::test]
async fn an_object_grows_and_keeps_its_beginnings() {
    let emulator = emulator();
    let first =
        append(&emulator, "0", "hello ").header("x-cos-meta-note", "n").header("x-cos-storage-class", "STANDARD_IA");
    let first = first.send(&emulator).await;
    assert_eq!((first.verdict().as_str(), first.header("x-cos-next-append-position")), ("200", "6"));
    assert_eq!(first.header("x-cos-hash-crc64ecma"), "1796661072844795914");
    let next = append(&emulator, "6", "world").header("x-cos-meta-note", "ignored").send(&emulator).await;
    assert_eq!((next.verdict().as_str(), next.header("x-cos-next-append-position")), ("200", "11"));
    assert_eq!(next.header("x-cos-hash-crc64ecma"), "5981764153023615706");
    assert_eq!(next.header("x-cos-content-sha1"), "7d793037a0760186574b0282f2f435e7"); // the MD5 of `world`
    assert_eq!(next.header("etag"), "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
    let get = Ask::new(&emulator, "GET", "/k.txt").send(&emulator).await;
    assert_eq!((get.text(), get.header("x-cos-object-type")), ("hello world", "appendable"));
    assert_eq!((get.header("content-type"), get.header("x-cos-meta-note")), ("text/plain", "n"));
    assert_eq!(get.header("x-cos-storage-class"), "STANDARD_IA");
    let part = Ask::new(&emulator, "GET", "/k.txt").header("range", "bytes=4-7").send(&emulator).await;
    assert_eq!(part.text(), "o wo");
    assert!(emulator.object(emulator.bucket(), "k.txt").unwrap().is_appendable());
}

#[tokio::test]
async fn the_position_must_be_the_length() {
    let emulator = emulator();
    assert_eq!(append(&emulator, "1", "x").send(&emulator).await.verdict(), "409 AppendPositionErr");
    assert_eq!(append(&emulator, "0", "x").send(&emulator).await.verdict(), "200");
    for position in ["0", "2"] {
        assert_eq!(append(&emulator, position, "x").send(&emulator).await.verdict(), "409 AppendPositionErr");
    }
    for position in ["", "-1", "x"] {
        assert_eq!(append(&emulator, position, "x").send(&emulator).await.verdict(), "400 InvalidArgument");
    }
    let chunked = append(&emulator, "1", "x").header("transfer-encoding", "chunked");
    assert_eq!(chunked.send(&emulator).await.verdict(), "411 MissingContentLength");
    let bad = append(&emulator, "1", "x").header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(bad.send(&emulator).await.verdict(), "400 BadDigest");
    assert_eq!(emulator.object(emulator.bucket(), "k.txt").unwrap().bytes(), "x");
}

#[tokio::test]
async fn only_what_was_appended_can_be_appended_to() {
    let emulator = emulator();
    emulator.put_object(emulator.bucket(), "k.txt", "normal");
    assert_eq!(append(&emulator, "6", "x").send(&emulator).await.verdict(), "409 ObjectNotAppendable");
    Ask::new(&emulator, "DELETE", "/k.txt").send(&emulator).await;
    append(&emulator, "0", "x").send(&emulator).await;
    let source = "examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com/k.txt";
    let copy = Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", source).send(&emulator).await;
    assert_eq!(copy.verdict(), "200");
    assert!(!emulator.object(emulator.bucket(), "copy").unwrap().is_appendable());

    let versioned =
        Emulator::builder().versioned_bucket("examplebucket-1250000000", "ap-guangzhou").in_memory().unwrap();
    assert_eq!(append(&versioned, "0", "x").send(&versioned).await.verdict(), "409 InvalidBucketState");
}

#[tokio::test]
async fn of_two_appends_at_one_place_one_wins() {
    let emulator = emulator();
    append(&emulator, "0", "x").send(&emulator).await;
    let (one, two) = (append(&emulator, "1", "a"), append(&emulator, "1", "b"));
    let (one, two) = tokio::join!(one.send(&emulator), two.send(&emulator));
    let mut verdicts = [one.verdict(), two.verdict()];
    verdicts.sort();
    assert_eq!(verdicts, ["200", "409 AppendPositionErr"]);
    assert_eq!(emulator.object(emulator.bucket(), "k.txt").unwrap().size(), 2);
}
