//! Intelligent tiering: the rule that turns it on and stays, rules of the archive tiers, and the older call.

use cos_emulator::Emulator;

use crate::client::Ask;

/// As the SDK for Go gives an example of it.
pub const RULE: &str = "<IntelligentTieringConfiguration><Id>a</Id><Status>Enabled</Status><Filter><And>\
    <Prefix>test</Prefix><Tag><Key>key</Key><Value>value</Value></Tag></And></Filter><Tiering>\
    <AccessTier>ARCHIVE_ACCESS</AccessTier><Days>91</Days></Tiering><Tiering>\
    <AccessTier>DEEP_ARCHIVE_ACCESS</AccessTier><Days>180</Days></Tiering></IntelligentTieringConfiguration>";

/// The rule of the reference that turns it on.
const DEFAULT: &str = "<IntelligentTieringConfiguration><Id>default</Id><Status>Enabled</Status><Tiering>\
    <AccessTier>INFREQUENT</AccessTier><Days>30</Days><RequestFrequent>1</RequestFrequent></Tiering>\
    </IntelligentTieringConfiguration>";

/// The same by the older call.
pub const FIRST: &str = "<IntelligentTieringConfiguration><Status>Enabled</Status><Transition><Days>60</Days>\
    <RequestFrequent>1</RequestFrequent></Transition></IntelligentTieringConfiguration>";

fn ask(emulator: &Emulator, method: &str, id: &str) -> Ask {
    let all = Ask::new(emulator, method, "/").query("intelligent-tiering", "");
    if id.is_empty() { all } else { all.query("id", id) }
}

async fn put(emulator: &Emulator, id: &str, document: &str) -> String {
    ask(emulator, "PUT", id).body(document.to_owned()).send(emulator).await.verdict()
}

fn bare(text: &str) -> String {
    text.split_once(" ?>").unwrap().1.replace(['\n', '\t'], "")
}

#[tokio::test]
async fn what_turns_it_on_stays_and_the_other_rules_come_and_go() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let get = async |id: &str| ask(&emulator, "GET", id).send(&emulator).await;
    for id in ["default", "a"] {
        assert_eq!(get(id).await.verdict(), "404 IntelligentTieringConfigurationNotFoundError");
        let gone = ask(&emulator, "DELETE", id).send(&emulator).await;
        assert_eq!(gone.verdict(), "404 IntelligentTieringConfigurationNotFoundError");
    }
    assert_eq!(put(&emulator, "default", DEFAULT).await, "200");
    assert_eq!(put(&emulator, "default", &DEFAULT.replace("30", "60")).await, "400 InvalidRequest");
    assert_eq!(ask(&emulator, "DELETE", "default").send(&emulator).await.verdict(), "400 InvalidRequest");
    assert_eq!(bare(get("default").await.text()), DEFAULT);
    assert_eq!(put(&emulator, "a", RULE).await, "200");
    let changed = RULE.replace("Enabled", "Disabled");
    assert_eq!(put(&emulator, "a", &changed).await, "200");
    let list = "ListBucketIntelligentTieringConfigurationsOutput";
    assert_eq!(bare(get("").await.text()), format!("<{list}>{changed}{DEFAULT}</{list}>"));
    assert_eq!(ask(&emulator, "DELETE", "a").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(ask(&emulator, "DELETE", "a").send(&emulator).await.verdict(), "204");
    assert_eq!(bare(get("").await.text()), format!("<{list}>{DEFAULT}</{list}>"));
}

#[tokio::test]
async fn a_document_that_is_not_right_changes_nothing() {
    let emulator = Emulator::builder().in_memory().unwrap();
    for (id, document, part, other) in [
        ("a", RULE, "<Status>Enabled</Status>", ""),
        ("a", RULE, "Enabled", "On"),
        ("a", RULE, "<Days>91</Days>", ""),
        ("a", RULE, "<Days>91</Days>", "<Days>many</Days>"),
        ("a", RULE, "<Days>91</Days>", "<Days>91</Days><RequestFrequent>1</RequestFrequent>"),
        ("a", RULE, "DEEP_ARCHIVE", "ARCHIVE"),
        ("a", RULE, "ARCHIVE_ACCESS", "INFREQUENT"),
        ("a", RULE, "<Filter>", "<Transition/><Filter>"),
        ("a", RULE, "<Filter><And>", "<Filter><Prefix>p</Prefix><And>"),
        ("a", RULE, "<Value>value</Value>", ""),
        ("default", DEFAULT, "Enabled", "Disabled"),
        ("default", DEFAULT, "INFREQUENT", "ARCHIVE_ACCESS"),
        ("default", DEFAULT, "<Tiering>", "<Filter><Prefix>p</Prefix></Filter><Tiering>"),
    ] {
        let document = document.replace(part, other);
        assert_eq!(put(&emulator, id, &document).await, "400 MalformedXML", "{document}");
    }
    for (id, document, from, to) in [
        ("a", RULE, 91, 90),
        ("a", RULE, 180, 179),
        ("a", RULE, 180, 731),
        ("a", RULE, 91, 180),
        ("default", DEFAULT, 30, 31),
    ] {
        let document = document.replace(&format!("<Days>{from}<"), &format!("<Days>{to}<"));
        assert_eq!(put(&emulator, id, &document).await, "400 InvalidArgument", "{document}");
    }
    assert_eq!(put(&emulator, "b", RULE).await, "400 InvalidArgument");
    assert_eq!(put(&emulator, "", RULE).await, "400 InvalidArgument");
    assert!(!ask(&emulator, "GET", "").send(&emulator).await.text().contains("<Id>"));
    for filter in ["<Filter/>", "<Filter><Prefix>p</Prefix></Filter>"] {
        let (before, rest) = RULE.split_once("<Filter>").unwrap();
        let after = rest.split_once("</Filter>").unwrap().1;
        assert_eq!(put(&emulator, "a", &format!("{before}{filter}{after}")).await, "200");
    }
}

#[tokio::test]
async fn the_older_call_turns_on_the_same() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let first = |method| Ask::new(&emulator, method, "/").query("intelligenttiering", "");
    let root = "IntelligentTieringConfiguration";
    assert_eq!(bare(first("GET").send(&emulator).await.text()), format!("<{root}/>"));
    for (part, other) in [("Enabled", "Suspended"), ("60", "45"), ("<RequestFrequent>1", "<RequestFrequent>2")] {
        let wrong = first("PUT").body(FIRST.replace(part, other)).send(&emulator).await;
        assert_eq!(wrong.verdict(), "400 MalformedXML");
    }
    assert_eq!(first("PUT").body(FIRST).send(&emulator).await.verdict(), "200");
    assert_eq!(first("PUT").body(FIRST).send(&emulator).await.verdict(), "400 InvalidRequest");
    assert_eq!(bare(first("GET").send(&emulator).await.text()), FIRST);
    let rule = ask(&emulator, "GET", "default").send(&emulator).await;
    assert_eq!(bare(rule.text()), DEFAULT.replace("30", "60"));
}

#[tokio::test]
async fn an_object_of_the_class_tells_its_tier() {
    let emulator = Emulator::builder().in_memory().unwrap();
    for (key, class, tier) in [("/a", "INTELLIGENT_TIERING", "FREQUENT"), ("/b", "STANDARD_IA", "")] {
        let put = Ask::new(&emulator, "PUT", key).header("x-cos-storage-class", class).body("x");
        assert_eq!(put.send(&emulator).await.verdict(), "200");
        for method in ["GET", "HEAD"] {
            let told = Ask::new(&emulator, method, key).send(&emulator).await;
            assert_eq!(told.header("x-cos-storage-tier"), tier, "{method} {class}");
        }
    }
    for ask in [Ask::new(&emulator, "GET", "/"), Ask::new(&emulator, "GET", "/").query("versions", "")] {
        let list = ask.send(&emulator).await;
        assert_eq!((list.all("Key"), list.all("StorageTier")), (vec!["a", "b"], vec!["FREQUENT"]));
    }
}
