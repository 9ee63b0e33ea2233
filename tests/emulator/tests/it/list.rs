//! Listings, page by page.

use cos_emulator::Emulator;

use crate::client::{Answer, Ask};

fn emulator(keys: &[&'static str]) -> Emulator {
    let emulator = Emulator::builder().in_memory().unwrap();
    for key in keys {
        emulator.put_object(emulator.bucket(), key, *key);
    }
    emulator
}

fn texts(answer: &Answer, open: &str) -> Vec<String> {
    let part = |piece: &str| piece[..piece.find('<').unwrap()].to_owned();
    answer.text().split(open).skip(1).map(part).collect()
}

/// Every page: its prefixes with a `+`, then its keys.
async fn pages(emulator: &Emulator, prefix: &str, delimiter: &str, size: &str) -> Vec<Vec<String>> {
    let mut marker = String::new();
    let mut pages = Vec::new();
    loop {
        let ask = Ask::new(emulator, "GET", "/").query("prefix", prefix).query("max-keys", size);
        let page = ask.query("delimiter", delimiter).query("marker", &marker).send(emulator).await;
        assert_eq!(page.verdict(), "200");
        let prefixes = texts(&page, "<CommonPrefixes>\n\t\t<Prefix>").into_iter().map(|prefix| format!("+{prefix}"));
        pages.push(prefixes.chain(texts(&page, "<Key>")).collect());
        if page.element("IsTruncated") == "false" {
            assert_eq!(page.element("NextMarker"), "");
            return pages;
        }
        page.element("NextMarker").clone_into(&mut marker);
    }
}

#[tokio::test]
async fn pages_of_one_walk_through_keys_and_prefixes_in_byte_order() {
    let emulator = emulator(&["a", "b/1", "b/2", "b/c/3", "b0", "中/x", "z"]);
    let all = [["a"], ["+b/"], ["b0"], ["z"], ["+中/"]];
    assert_eq!(pages(&emulator, "", "/", "1").await, all);
    assert_eq!(pages(&emulator, "", "/", "1000").await, [["+b/", "+中/", "a", "b0", "z"]]);
    assert_eq!(pages(&emulator, "b/", "/", "2").await, [vec!["b/1", "b/2"], vec!["+b/c/"]]);
    assert_eq!(pages(&emulator, "b", "", "3").await, [vec!["b/1", "b/2", "b/c/3"], vec!["b0"]]);
    assert_eq!(pages(&emulator, "nothing", "/", "3").await, [Vec::<String>::new()]);
}

#[tokio::test]
async fn a_marker_inside_a_group_still_shows_the_group() {
    let emulator = emulator(&["b/1", "b/2", "c"]);
    let page = Ask::new(&emulator, "GET", "/").query("delimiter", "/").query("marker", "b/1").send(&emulator).await;
    assert_eq!(texts(&page, "<CommonPrefixes>\n\t\t<Prefix>"), ["b/"]);
    let page = Ask::new(&emulator, "GET", "/").query("delimiter", "/").query("marker", "b/").send(&emulator).await;
    assert!(texts(&page, "<CommonPrefixes>\n\t\t<Prefix>").is_empty());
    assert_eq!(texts(&page, "<Key>"), ["c"]);
}

#[tokio::test]
async fn url_encoding_covers_every_name_and_never_uses_a_plus() {
    let emulator = emulator(&["a b+c/中\u{1}", "a b+c/z"]);
    let ask = Ask::new(&emulator, "GET", "/").query("prefix", "a b").query("encoding-type", "url");
    let page = ask.clone().query("max-keys", "1").send(&emulator).await;
    assert_eq!(page.element("EncodingType"), "url");
    assert_eq!(page.element("Prefix"), "a%20b");
    assert_eq!(texts(&page, "<Key>"), ["a%20b%2Bc%2Fz"]);
    assert_eq!(page.element("NextMarker"), "a%20b%2Bc%2Fz");
    let page = ask.query("delimiter", "/").send(&emulator).await;
    assert_eq!(texts(&page, "<CommonPrefixes>\n\t\t<Prefix>"), ["a%20b%2Bc%2F"]);
    assert_eq!(page.element("Delimiter"), "%2F");
}

#[tokio::test]
async fn an_entry_says_all_that_clients_read() {
    let emulator = emulator(&["k"]);
    let page = Ask::new(&emulator, "GET", "/").send(&emulator).await;
    assert_eq!(page.header("x-cos-bucket-region"), "ap-guangzhou");
    assert_eq!(page.element("Name"), "examplebucket-1250000000");
    assert!(page.text().contains("<Prefix/>") && page.text().contains("<Marker/>"));
    assert_eq!((page.element("MaxKeys"), page.element("Size")), ("1000", "1"));
    assert_eq!(page.element("ETag"), "&quot;8ce4b16b22b58894aa86c421e8759df3&quot;");
    assert_eq!((page.element("ID"), page.element("StorageClass")), ("1250000000", "STANDARD"));
    assert!(page.text().contains(".000Z</LastModified>"));
}

#[tokio::test]
async fn bad_questions_are_refused() {
    let emulator = emulator(&[]);
    for (name, value, verdict) in [
        ("delimiter", "ab", "400 InvalidDelimiter"),
        ("max-keys", "0", "400 InvalidArgument"),
        ("max-keys", "many", "400 InvalidArgument"),
        ("encoding-type", "base64", "400 InvalidArgument"),
        ("max-keys", "5000", "200"),
        ("delimiter", "中", "200"),
    ] {
        let page = Ask::new(&emulator, "GET", "/").query(name, value).send(&emulator).await;
        assert_eq!(page.verdict(), verdict, "{name}={value}");
    }
}
