//! Inventories of a bucket and its intelligent tiering: set, read, listed and removed by the client.

use std::time::{Duration, SystemTime};

use cos_emulator::{Action, Rule};
use futures_util::TryStreamExt as _;
use tencent_cos::{
    AccessTier, DeleteBucketIntelligentTiering, DeleteBucketInventory, ErrorKind, GetBucketIntelligentTiering,
    GetBucketIntelligentTieringV1, GetBucketInventory, IncludedObjectVersions, IntelligentTieringConfiguration,
    IntelligentTieringFilter, InventoryConfiguration, InventoryDestination, InventoryField, InventoryFilter,
    InventorySchedule, ListBucketIntelligentTiering, ListBucketInventory, PostBucketInventory,
    PutBucketIntelligentTiering, PutBucketIntelligentTieringV1, PutBucketInventory, StorageClass,
};

use crate::support::{bucket, emulator};

#[tokio::test]
async fn an_inventory_is_read_as_it_was_set() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let here = InventoryDestination::new(bucket.region(), bucket.name()).account_id("100000000001");
    let time = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let filter = InventoryFilter::new()
        .prefix("a & b/")
        .tag("team", "blue")
        .storage_class(StorageClass::STANDARD_IA)
        .start_time(time(1_568_688_761))
        .end_time(time(1_668_688_761));
    let schedule = InventorySchedule::Monthly { day: Some(1) };
    let all = InventoryConfiguration::new("all", schedule, here.clone().prefix("lists").encrypted(true))
        .included_object_versions(IncludedObjectVersions::All)
        .filter(filter)
        .optional_field(InventoryField::SIZE)
        .optional_field(InventoryField::METADATA);
    let none = InventoryConfiguration::new("none", InventorySchedule::Daily, here.clone()).enabled(false);
    for inventory in [&all, &none] {
        assert_eq!(bucket.send(GetBucketInventory::new(&inventory.id)).await.unwrap(), None);
        bucket.send(PutBucketInventory::new(inventory.clone())).await.unwrap();
        assert_eq!(bucket.send(GetBucketInventory::new(&inventory.id)).await.unwrap().as_ref(), Some(inventory));
    }
    let changed = all.clone().optional_field(InventoryField::CRC64);
    bucket.send(PutBucketInventory::new(changed.clone())).await.unwrap();
    let list = bucket.send(ListBucketInventory::new()).await.unwrap();
    assert_eq!((list.configurations, list.is_truncated), (vec![changed, none], false));
    for _ in 0..2 {
        assert!(!bucket.send(DeleteBucketInventory::new("all")).await.unwrap().request_id().is_empty());
        assert_eq!(bucket.send(GetBucketInventory::new("all")).await.unwrap(), None);
    }

    let once = PostBucketInventory::new(InventoryConfiguration::once("once", here));
    assert!(bucket.send(once.clone()).await.unwrap().job_id.is_some());
    assert_eq!(bucket.send(once).await.unwrap_err().code(), Some("DuplicateInventoryId"));
    assert_eq!(bucket.send(GetBucketInventory::new("once")).await.unwrap(), None);
}

#[tokio::test]
async fn all_inventories_are_listed_page_by_page() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let here = InventoryDestination::new(bucket.region(), bucket.name());
    let id = |number: usize| format!("i{number:03}");
    for number in 0..201 {
        let daily = InventoryConfiguration::new(id(number), InventorySchedule::Daily, here.clone());
        bucket.send(PutBucketInventory::new(daily)).await.unwrap();
    }
    emulator.clear_journal();
    let pages: Vec<_> = bucket.pages(ListBucketInventory::new()).try_collect().await.unwrap();
    assert_eq!((pages.len(), emulator.journal().len()), (3, 3));
    let ids: Vec<_> = pages.iter().flat_map(|page| &page.configurations).map(|found| found.id.clone()).collect();
    assert_eq!(ids, (0..201).map(id).collect::<Vec<_>>());
    let token = pages[0].next_continuation_token.clone().unwrap();
    let second = bucket.send(ListBucketInventory::new().continuation_token(token)).await.unwrap();
    assert_eq!(second.configurations, pages[1].configurations);
}

#[tokio::test]
async fn what_others_set_of_an_inventory_is_written_back() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let theirs = "<InventoryConfiguration><Id>a</Id><IsEnabled>True</IsEnabled><IncludedObjectVersions>All\
                  </IncludedObjectVersions><Destination><COSBucketDestination><Format>CSV</Format><Bucket>\
                  qcs::cos:ap-guangzhou::b-1250000000</Bucket></COSBucketDestination></Destination><Schedule><Frequency>\
                  Daily</Frequency></Schedule><Compression>zstd</Compression></InventoryConfiguration>";
    let told = Action::RawBody { status: 200, headers: Vec::new(), body: theirs.into() };
    emulator.script(Rule::on("GET Bucket inventory").then(told));
    let found = bucket.send(GetBucketInventory::new("a")).await.unwrap().unwrap();
    assert_eq!((found.enabled, found.unknown().collect::<Vec<_>>()), (true, vec!["Compression"]));
    // The emulator knows no such part, and says so.
    let refused = bucket.send(PutBucketInventory::new(found)).await.unwrap_err();
    assert_eq!(refused.code(), Some("MalformedXML"));
}

#[tokio::test]
async fn tiering_is_turned_on_for_good_and_its_other_rules_come_and_go() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let get = async |id: &str| bucket.send(GetBucketIntelligentTiering::new(id)).await.unwrap();
    let (on, id) = (IntelligentTieringConfiguration::turn_on(30), IntelligentTieringConfiguration::DEFAULT);
    assert_eq!(get(id).await, None);
    assert_eq!(bucket.send(GetBucketIntelligentTieringV1::new()).await.unwrap(), None);
    assert!(bucket.send(ListBucketIntelligentTiering::new()).await.unwrap().is_empty());
    bucket.send(PutBucketIntelligentTiering::new(on.clone())).await.unwrap();
    assert_eq!(get(id).await.as_ref(), Some(&on));
    assert_eq!(bucket.send(GetBucketIntelligentTieringV1::new()).await.unwrap().unwrap().days, Some(30));
    let again = bucket.send(PutBucketIntelligentTiering::new(IntelligentTieringConfiguration::turn_on(60))).await;
    assert_eq!(again.unwrap_err().code(), Some("InvalidRequest"));
    let again = bucket.send(PutBucketIntelligentTieringV1::new(60)).await.unwrap_err();
    assert_eq!((again.code(), again.may_have_taken_effect()), (Some("InvalidRequest"), false));

    let logs = IntelligentTieringFilter::new().prefix("logs/").tag("team", "blue");
    let logs = IntelligentTieringConfiguration::new("logs", logs).tiering(AccessTier::DeepArchiveAccess, 180);
    bucket.send(PutBucketIntelligentTiering::new(logs.clone())).await.unwrap();
    let changed = logs.tiering(AccessTier::ArchiveAccess, 91).enabled(false);
    bucket.send(PutBucketIntelligentTiering::new(changed.clone())).await.unwrap();
    assert_eq!(bucket.send(ListBucketIntelligentTiering::new()).await.unwrap(), [on.clone(), changed]);
    for _ in 0..2 {
        bucket.send(DeleteBucketIntelligentTiering::new("logs")).await.unwrap();
        assert_eq!(get("logs").await, None);
    }
    assert_eq!(bucket.send(ListBucketIntelligentTiering::new()).await.unwrap(), [on]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_sent() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let nowhere = InventoryConfiguration::new("a b", InventorySchedule::Daily, InventoryDestination::default());
    for (error, field) in [
        (bucket.send(PutBucketInventory::new(nowhere)).await.unwrap_err(), "id"),
        (bucket.send(GetBucketInventory::new("")).await.unwrap_err(), "id"),
        (bucket.send(DeleteBucketIntelligentTiering::new("default")).await.unwrap_err(), "id"),
        (bucket.send(PutBucketIntelligentTieringV1::new(31)).await.unwrap_err(), "days"),
    ] {
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
    }
    assert!(emulator.journal().is_empty());
}
