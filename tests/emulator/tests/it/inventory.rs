//! Inventories: what is taken, what is kept, how it is listed.

use cos_emulator::Emulator;

use crate::client::{Ask, now};

const DAY: u64 = 24 * 3600;

/// The example of the reference.
pub const DOCUMENT: &str = "<InventoryConfiguration><Id>list1</Id><IsEnabled>true</IsEnabled><Destination>\
    <COSBucketDestination><Format>CSV</Format><AccountId>100000000001</AccountId>\
    <Bucket>qcs::cos:ap-guangzhou::examplebucket-1250000000</Bucket><Prefix>list1</Prefix>\
    <Encryption><SSE-COS/></Encryption></COSBucketDestination></Destination>\
    <Schedule><Frequency>Daily</Frequency></Schedule><Filter><Prefix>myPrefix</Prefix></Filter>\
    <IncludedObjectVersions>All</IncludedObjectVersions><OptionalFields><Field>Size</Field>\
    <Field>LastModifiedDate</Field><Field>ETag</Field><Field>StorageClass</Field><Field>IsMultipartUploaded</Field>\
    <Field>ReplicationStatus</Field><Field>Tag</Field><Field>Crc64</Field><Field>x-cos-meta-*</Field></OptionalFields>\
    </InventoryConfiguration>";

const ENABLED: &str = "<IsEnabled>true</IsEnabled>";
const SCHEDULE: &str = "<Schedule><Frequency>Daily</Frequency></Schedule>";
const FILTER: &str = "<Filter><Prefix>myPrefix</Prefix></Filter>";

/// The same, once.
pub fn once() -> String {
    DOCUMENT.replace(ENABLED, "").replace(SCHEDULE, "")
}

fn ask(emulator: &Emulator, method: &str, id: &str) -> Ask {
    let all = Ask::new(emulator, method, "/").query("inventory", "");
    if id.is_empty() { all } else { all.query("id", id) }
}

async fn put(emulator: &Emulator, id: &str, document: String) -> String {
    ask(emulator, "PUT", id).body(document).send(emulator).await.verdict()
}

fn bare(text: &str) -> String {
    text.split_once(" ?>").unwrap().1.replace(['\n', '\t'], "")
}

#[tokio::test]
async fn a_document_is_kept_as_it_came_and_says_which_fields_it_has() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let get = async || ask(&emulator, "GET", "list1").send(&emulator).await;
    assert_eq!(get().await.verdict(), "404 InventoryConfigurationNotFoundError");
    let answer = ask(&emulator, "PUT", "list1").body(DOCUMENT).send(&emulator).await;
    assert_eq!((answer.verdict().as_str(), answer.body.len()), ("200", 0));
    assert_eq!(bare(get().await.text()), DOCUMENT);
    let (before, rest) = DOCUMENT.split_once("<OptionalFields>").unwrap();
    let after = rest.split_once("</OptionalFields>").unwrap().1;
    assert_eq!(put(&emulator, "list1", format!("{before}{after}")).await, "200");
    assert_eq!(bare(get().await.text()), format!("{before}<OptionalFields/>{after}"));
    assert_eq!(ask(&emulator, "DELETE", "list1").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(ask(&emulator, "DELETE", "list1").send(&emulator).await.verdict(), "204");
    let again = ask(&emulator, "DELETE", "list1").send(&emulator).await;
    assert_eq!(again.verdict(), "404 InventoryConfigurationNotFoundError");
}

#[tokio::test]
async fn a_document_that_is_not_right_changes_nothing() {
    let emulator = Emulator::builder().in_memory().unwrap();
    for (part, other) in [
        (ENABLED, ""),
        (ENABLED, "<IsEnabled>yes</IsEnabled>"),
        (ENABLED, "<IsEnabled>true</IsEnabled><IsEnabled>true</IsEnabled>"),
        ("<IncludedObjectVersions>All</IncludedObjectVersions>", ""),
        (">All<", ">Some<"),
        (SCHEDULE, ""),
        ("Daily", "Hourly"),
        ("<Frequency>Daily</Frequency>", "<Frequency>Daily</Frequency><MonthlyDate>1</MonthlyDate>"),
        ("<Frequency>Daily</Frequency>", "<Frequency>Monthly</Frequency><MonthlyDate>32</MonthlyDate>"),
        ("<Format>CSV</Format>", ""),
        ("CSV", "ORC"),
        ("qcs::cos:ap-guangzhou::", ""),
        ("<AccountId>1", "<AccountId>a"),
        ("<SSE-COS/>", ""),
        ("<SSE-COS/>", "<SSE-KMS/>"),
        ("<Field>Size</Field>", "<Field>Sizes</Field>"),
        ("<Filter>", "<Other/><Filter>"),
        (FILTER, "<Filter><And><Tag><Key>k</Key></Tag></And></Filter>"),
        (FILTER, "<Filter><Prefix>a</Prefix><And><Prefix>a</Prefix></And></Filter>"),
        (FILTER, "<Filter><And><Prefix>a</Prefix><Prefix>a</Prefix></And></Filter>"),
        (FILTER, "<Filter><And><StorageClass>COLD</StorageClass></And></Filter>"),
        (FILTER, "<Filter><Period><StartTime>today</StartTime></Period></Filter>"),
    ] {
        let document = DOCUMENT.replace(part, other);
        assert_ne!(document, DOCUMENT);
        assert_eq!(put(&emulator, "list1", document.clone()).await, "400 MalformedXML", "{document}");
    }
    for id in ["list2", "a/b", "a b", "ä"] {
        assert_eq!(put(&emulator, id, DOCUMENT.to_owned()).await, "400 InvalidArgument", "{id}");
    }
    assert_eq!(put(&emulator, "", DOCUMENT.to_owned()).await, "400 InvalidArgument");
    let tag = "<Tag><Key>k</Key><Value>v</Value></Tag>";
    let twice = format!("<Filter><And>{tag}{tag}</And></Filter>");
    assert_eq!(put(&emulator, "list1", DOCUMENT.replace(FILTER, &twice)).await, "400 InvalidTag");
    assert!(!ask(&emulator, "GET", "").send(&emulator).await.text().contains("<Id>"));
    let whole = format!(
        "<Filter><And><Prefix>p</Prefix>{tag}<StorageClass>ARCHIVE</StorageClass></And><Period>\
         <StartTime>1568688761</StartTime><EndTime>1568688762</EndTime></Period></Filter>"
    );
    let month = "<Frequency>Monthly</Frequency><MonthlyDate>28</MonthlyDate>";
    let document = DOCUMENT.replace(FILTER, &whole).replace("<Frequency>Daily</Frequency>", month);
    assert_eq!(put(&emulator, "list1", document).await, "200");
}

#[tokio::test]
async fn the_list_has_pages_of_a_hundred_and_an_end() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let named = |number: usize| (format!("i{number:04}"), DOCUMENT.replace("<Id>list1", &format!("<Id>i{number:04}")));
    for number in 0..1000 {
        let (id, document) = named(number);
        assert_eq!(put(&emulator, &id, document).await, "200");
    }
    let (id, document) = named(1000);
    assert_eq!(put(&emulator, &id, document).await, "400 InventoryFull");
    // One that is there is replaced all the same.
    let (id, document) = named(7);
    assert_eq!(put(&emulator, &id, document).await, "200");
    let (mut token, mut ids) = (String::new(), Vec::new());
    for page in 0..10 {
        let list = ask(&emulator, "GET", "").query("continuation-token", &token).send(&emulator).await;
        let found: Vec<_> = list.text().split("<Id>").skip(1).map(|rest| rest[..5].to_owned()).collect();
        assert_eq!((found.len(), list.text().contains("<ContinuationToken>")), (100, page > 0));
        assert_eq!(list.element("IsTruncated"), if page < 9 { "true" } else { "false" });
        ids.extend(found);
        if page < 9 {
            list.element("NextContinuationToken").clone_into(&mut token);
        }
    }
    assert!(ids.len() == 1000 && ids.is_sorted());
    let wrong = ask(&emulator, "GET", "").query("continuation-token", "i0099").send(&emulator).await;
    assert_eq!(wrong.verdict(), "400 InvalidArgument");
}

#[tokio::test]
async fn a_one_off_inventory_is_taken_once_a_day() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let long = |ask: Ask| ask.window(now() - 60, now() + 5 * DAY);
    let post = async |document: String| long(ask(&emulator, "POST", "list1")).body(document).send(&emulator).await;
    for wrong in [DOCUMENT.to_owned(), once().replace("<Id>", "<IsEnabled>true</IsEnabled><Id>")] {
        assert_eq!(post(wrong).await.verdict(), "400 MalformedXML");
    }
    let first = post(once()).await;
    assert!(first.text().contains("<PostInventoryResult>") && !first.element("JobId").is_empty());
    assert_eq!(post(once()).await.verdict(), "400 DuplicateInventoryId");
    // It is not one of those that come again and again.
    assert_eq!(ask(&emulator, "GET", "list1").send(&emulator).await.status, 404);
    let day = i64::try_from(DAY).unwrap();
    emulator.shift_clock(day + 1);
    assert_ne!(post(once()).await.element("JobId"), first.element("JobId"));
    emulator.shift_clock(2 * day + 2);
    let set = long(ask(&emulator, "PUT", "list1")).body(DOCUMENT).send(&emulator).await;
    assert_eq!(set.verdict(), "200");
    assert_eq!(post(once()).await.verdict(), "400 DuplicateInventoryId");
}
