//! `cos` commands for settings of a bucket.

use std::time::{Duration, SystemTime};

use cos_emulator::{Action, Rule};
use http::Method;
use serde_json::{Value, json};
use tencent_cos::{
    AccessTier, CorsConfiguration, CorsRule, GetBucketIntelligentTiering, GetBucketInventory, IncludedObjectVersions,
    IntelligentTieringConfiguration, IntelligentTieringFilter, InventoryConfiguration, InventoryDestination,
    InventoryField, InventoryFilter, InventorySchedule, LifecycleConfiguration, LifecycleFilter, LifecycleRule,
    PutBucketCors, PutBucketIntelligentTiering, PutBucketInventory, PutBucketLifecycle, StorageClass,
};

use super::shell::{Shell, text};

fn without(mut rule: Value, names: &[&str]) -> Value {
    for name in names {
        rule.as_object_mut().expect("a rule").remove(*name);
    }
    rule
}

#[test]
fn cors_adds_to_what_is_there_and_removes_it() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.json(&["cors", &bucket]).is_empty());
    let added = shell.json(&["cors", &bucket, "--allow", "https://a.example", "--methods", "PUT,POST"]);
    shell.done(&["cors", &bucket, "--allow", "http://*.b.example"]);
    let again = shell.done(&["cors", &bucket, "--allow", "http://*.b.example"]);
    assert!(text(&again).starts_with("is there already: http://*.b.example may "), "{}", text(&again));
    let shown = shell.json(&["cors", &bucket]);
    assert_eq!((shown.len(), &shown[0]), (2, &added[0]));
    let rule = without(shown[0].clone(), &["expose"]);
    assert_eq!(
        rule,
        json!({
            "type": "rule", "id": null, "origins": ["https://a.example"], "methods": ["PUT", "POST"], "headers": ["*"],
            "max_age": 600, "unknown": [],
        })
    );
    let printed = shell.done(&["cors", &bucket]);
    let second = text(&printed).lines().nth(1).unwrap();
    assert!(second.starts_with("http://*.b.example may GET HEAD PUT POST, with *, reads ETag x-cos-"), "{second}");
    for (origin, methods) in [("https://*.*", "GET"), ("*", "PATCH")] {
        let refused = shell.run(&["cors", &bucket, "--allow", origin, "--methods", methods]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    // What is said of an origin takes the place of what was said of it alone.
    let changed = shell.done(&["cors", &bucket, "--allow", "http://*.b.example", "--methods", "GET"]);
    assert!(text(&changed).starts_with("changed: http://*.b.example may GET, with "), "{}", text(&changed));
    let methods: Vec<_> = shell.json(&["cors", &bucket]).iter().map(|rule| rule["methods"].clone()).collect();
    assert_eq!(methods, [json!(["PUT", "POST"]), json!(["GET"])]);
    assert_eq!(shell.run(&["cors", &bucket, "--allow", "*", "--remove"]).status.code(), Some(2));
    assert_eq!(shell.json(&["cors", &bucket, "--remove"])[0]["action"], "remove");
    assert!(shell.done(&["cors", &bucket]).is_empty());
}

#[test]
fn lifecycle_adds_to_what_is_there_and_removes_it() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.done(&["lifecycle", &bucket]).is_empty());
    shell.done(&["lifecycle", &bucket, "--abort-uploads", "7"]);
    let again = shell.done(&["lifecycle", &bucket, "--abort-uploads", "7"]);
    assert!(text(&again).starts_with("is there already: "), "{}", text(&again));
    // How long an upload may take is one number, not two.
    let changed = shell.done(&["lifecycle", &bucket, "--abort-uploads", "9"]);
    assert!(text(&changed).starts_with("changed: a rule without a name, abort_uploads 9"), "{}", text(&changed));
    let shown = shell.json(&["lifecycle", &bucket]);
    let days: Vec<_> = shown.iter().map(|rule| rule["abort_uploads"].clone()).collect();
    assert_eq!((days, &shown[0]["enabled"]), (vec![json!(9)], &json!(true)));
    let printed = shell.done(&["lifecycle", &bucket]);
    assert_eq!(text(&printed).lines().next(), Some("a rule without a name, abort_uploads 9"));
    assert_eq!(shell.run(&["lifecycle", &bucket, "--abort-uploads", "0"]).status.code(), Some(2));
    assert_eq!(shell.json(&["lifecycle", &bucket, "--remove"])[0]["action"], "remove");
    assert!(shell.done(&["lifecycle", &bucket]).is_empty());
}

/// What else the console made of a rule stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rules_that_are_changed_keep_their_names_and_their_neighbours() {
    let emulator = crate::support::emulator().await;
    let (bucket, shell) = (crate::support::bucket(&emulator), Shell::over(&emulator));
    let url = format!("cos://{}", emulator.bucket());
    let named = |origins: &[&str], id: &str| {
        let mut rule = CorsRule::new(origins[0], [Method::PUT]).id(id);
        rule.allowed_origins = origins.iter().map(|&origin| origin.to_owned()).collect();
        rule
    };
    let (both, one) =
        (named(&["https://a.example", "https://b.example"], "both"), named(&["https://a.example"], "one"));
    let twice = named(&["https://a.example"], "twice");
    bucket.send(PutBucketCors::new(CorsConfiguration::new([both.clone(), one, twice]))).await.unwrap();
    shell.done(&["cors", &url, "--allow", "https://a.example", "--methods", "GET"]);
    let seen = shell.json(&["cors", &url]);
    let seen: Vec<_> = seen.iter().map(|rule| json!([rule["id"], rule["methods"]])).collect();
    assert_eq!(seen, [json!(["both", ["PUT"]]), json!(["one", ["GET"]])]);

    let logs =
        LifecycleRule::new(LifecycleFilter::new().prefix("logs/")).abort_incomplete_multipart_upload(1).id("logs");
    let all =
        |days, id: &str| LifecycleRule::new(LifecycleFilter::new()).abort_incomplete_multipart_upload(days).id(id);
    let rules = LifecycleConfiguration::new([logs, all(7, "seven"), all(8, "eight")]);
    bucket.send(PutBucketLifecycle::new(rules)).await.unwrap();
    shell.done(&["lifecycle", &url, "--abort-uploads", "3"]);
    let seen = shell.json(&["lifecycle", &url]);
    let seen: Vec<_> = seen.iter().map(|rule| json!([rule["id"], rule["abort_uploads"]])).collect();
    assert_eq!(seen, [json!(["logs", 1]), json!(["seven", 3])]);
}

#[test]
fn encryption_is_shown_set_and_removed() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    let none = json!({ "type": "encryption", "algorithm": null, "kms_key_id": null, "unknown": [] });
    assert_eq!(shell.json(&["encryption", &bucket]), [none]);
    let kms = shell.run(&["encryption", &bucket, "--set", "kms", "--kms-key-id", "a-key"]);
    let told = String::from_utf8_lossy(&kms.stderr);
    assert!(kms.status.code() == Some(1) && told.contains("501 NotImplemented"), "{told}");
    shell.done(&["encryption", &bucket, "--set", "cos"]);
    let shown = shell.done(&["encryption", &bucket]);
    assert_eq!(text(&shown), "new objects are encrypted with AES256\n");
    let shown = &shell.json(&["encryption", &bucket])[0];
    assert_eq!((&shown["algorithm"], &shown["kms_key_id"]), (&json!("AES256"), &Value::Null));
    for wrong in [
        ["--set", "cos", "--kms-key-id", "a"].as_slice(),
        &["--set", "kms", "--kms-key-id", ""],
        &["--set", "kms", "--remove"],
        &["--kms-key-id", "a"],
        &["--set", "DES"],
    ] {
        let refused = shell.run(&[["encryption", bucket.as_str()].as_slice(), wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    assert_eq!(shell.json(&["encryption", &bucket, "--remove"])[0]["action"], "remove");
    assert_eq!(shell.json(&["encryption", &bucket])[0]["algorithm"], Value::Null);
}

#[test]
fn tag_of_a_bucket_shows_replaces_and_removes() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    let none = &shell.json(&["tag", &bucket])[0];
    assert_eq!((&none["tags"], &none["key"], &none["version_id"]), (&json!({}), &Value::Null, &Value::Null));
    let given = shell.done(&["tag", &bucket, "team=blue", "equation=a=b"]);
    assert!(text(&given).starts_with(&format!("gave {bucket}")) && text(&given).contains("2 tags"), "{}", text(&given));
    let shown = shell.done(&["tag", &bucket]);
    assert!(text(&shown).contains("team") && text(&shown).contains("a=b"), "{}", text(&shown));
    assert_eq!(shell.json(&["tag", &bucket, "one=1"])[0]["tags"], json!({ "one": "1" }));
    assert_eq!(shell.json(&["tag", &bucket])[0]["tags"], json!({ "one": "1" }));
    assert_eq!(shell.run(&["tag", &bucket, "--version-id", "v"]).status.code(), Some(2));
    assert!(text(&shell.done(&["tag", &bucket, "--delete"])).starts_with("removed the tags of "));
    assert_eq!(shell.json(&["tag", &bucket])[0]["tags"], json!({}));
}

#[test]
fn policy_is_set_as_it_is_shown_and_removed() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.done(&["policy", &bucket]).is_empty() && shell.json(&["policy", &bucket]).is_empty());
    let document = json!({
        "version": "2.0",
        "statement": [{
            "sid": "logos", "effect": "allow", "principal": {"qcs": ["qcs::cam::anyone:anyone"]},
            "action": "name/cos:GetObject",
            "resource": format!("qcs::cos:ap-guangzhou:uid/1250000000:{}/logos/*", shell.bucket()),
        }],
    });
    let pretty = format!("{document:#}\n");
    shell.write("policy.json", &pretty);
    let set = shell.done(&["policy", &bucket, "--set", "policy.json"]);
    assert!(text(&set).starts_with(&format!("set the policy of {bucket} (request id ")), "{}", text(&set));
    assert_eq!(text(&shell.done(&["policy", &bucket])), pretty);
    assert_eq!(shell.json(&["policy", &bucket]), std::slice::from_ref(&document));
    let other = document.to_string().replace("logos", "icons");
    let set = shell.fed(&["--json", "policy", &bucket, "--set", "-"], other.as_bytes());
    let told: Value = serde_json::from_slice(&set.stdout).unwrap();
    assert_eq!((&told["action"], told["request_id"].is_string()), (&json!("set"), true));
    assert_eq!(text(&shell.done(&["policy", &bucket])), format!("{other}\n"));
    let tabs = other.replace(",\"", ",\r\n\t\"").replace("/icons/", "/icons\u{202e}/");
    assert_eq!(shell.fed(&["policy", &bucket, "--set", "-"], tabs.as_bytes()).status.code(), Some(0));
    let shown = shell.done(&["policy", &bucket]);
    assert!(text(&shown).contains(",\n\t\"") && text(&shown).contains("/icons\\u202e/"), "{}", text(&shown));
    assert!(serde_json::from_str::<Value>(&tabs).unwrap() == serde_json::from_slice::<Value>(&shown).unwrap());
    for bad in ["", "{}", "<xml/>", r#"{"statement":[]}"#] {
        let refused = shell.fed(&["policy", &bucket, "--set", "-"], bad.as_bytes());
        assert_eq!(refused.status.code(), Some(2), "{bad}: {refused:?}");
    }
    let (status, told) = shell.failed(&["policy", &bucket, "--set", "missing.json"]);
    assert!(status == 1 && told.contains("missing.json"), "{status} {told}");
    assert_eq!(shell.run(&["policy", &bucket, "--set", "policy.json", "--remove"]).status.code(), Some(2));
    assert_eq!(shell.json(&["policy", &bucket, "--remove"])[0]["action"], "remove");
    assert!(shell.done(&["policy", &bucket]).is_empty());
}

#[test]
fn website_shows_changes_and_removes() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.done(&["website", &bucket]).is_empty());
    let early = shell.run(&["website", &bucket, "--error", "e.html"]);
    assert_eq!(early.status.code(), Some(2), "{early:?}");
    let set = shell.json(&["website", &bucket, "--index", "index.html", "--redirect", "docs/=documents/"]);
    for _ in 0..2 {
        shell.done(&["website", &bucket, "--error", "errors/404.html", "--https-only", "--redirect", "a/=b/"]);
    }
    let shown = shell.json(&["website", &bucket])[0].clone();
    assert_eq!(
        without(set[0].clone(), &["error", "https_only", "rules"]),
        without(shown.clone(), &["error", "https_only", "rules"])
    );
    let rule = |from: &str, to: &str| json!({ "error_code": null, "prefix": from, "key": null, "replace_prefix": to, "https": false, "unknown": [] });
    assert_eq!(
        without(shown, &["url"]),
        json!({
            "type": "website", "index": "index.html", "error": "errors/404.html", "original_http_status": null,
            "https_only": true, "ignore_html_extension": null, "unknown": [],
            "rules": [rule("docs/", "documents/"), rule("a/", "b/")],
        })
    );
    let printed = shell.done(&["website", &bucket]);
    let lines: Vec<_> =
        text(&printed).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(lines[0].starts_with("url https://") && lines[0].contains(".cos-website."), "{lines:?}");
    let rest = [
        "index index.html",
        "error errors/404.html",
        "http is sent to https",
        "redirect docs/* to documents/*",
        "redirect a/* to b/*",
    ];
    assert_eq!(lines[1..], rest);
    // Of two rules for one prefix the second would never be followed.
    let changed = shell.json(&["website", &bucket, "--redirect", "docs/=manuals/"])[0]["rules"].clone();
    assert_eq!(changed, json!([rule("docs/", "manuals/"), rule("a/", "b/")]));
    assert_eq!(shell.run(&["website", &bucket, "--redirect", "a"]).status.code(), Some(2));
    assert_eq!(shell.run(&["website", &bucket, "--redirect", "a="]).status.code(), Some(2));
    assert_eq!(shell.run(&["website", &bucket, "--index", "i", "--remove"]).status.code(), Some(2));
    assert_eq!(shell.json(&["website", &bucket, "--remove"])[0]["action"], "remove");
    assert!(shell.done(&["website", &bucket]).is_empty());
}

#[test]
fn referer_shows_says_anew_and_removes() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.done(&["referer", &bucket]).is_empty());
    let set = shell.json(&["referer", &bucket, "--white-list", "*.a.example,127.0.0.1:8000", "--allow-empty"]);
    let expected = json!({
        "type": "referer", "enabled": true, "list": "White-List", "domains": ["*.a.example", "127.0.0.1:8000"],
        "allow_empty": true, "unknown": [],
    });
    assert_eq!((&set[0], &shell.json(&["referer", &bucket])[0]), (&expected, &expected));
    let white = "pages of *.a.example 127.0.0.1:8000 alone, and requests without a Referer\n";
    assert_eq!(text(&shell.done(&["referer", &bucket])), white);
    let black = shell.done(&["referer", &bucket, "--black-list", "b.example"]);
    assert_eq!(text(&black), "no pages of b.example, and no requests without a Referer\n");
    for wrong in [&["--white-list", "a b"][..], &["--white-list", "a", "--black-list", "b"], &["--allow-empty"]] {
        let refused = shell.run(&[&["referer", &bucket], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    assert_eq!(shell.json(&["referer", &bucket, "--remove"])[0]["action"], "remove");
    assert!(shell.done(&["referer", &bucket]).is_empty());
}

/// The emulator does not play what the SDK for Go can set beside the list, so it tells that it was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn referer_keeps_what_others_set_beside_the_list() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let set = "<RefererConfiguration><Status>Enabled</Status><RefererType>Black-List</RefererType><DomainList>\
               <Domain>b.example</Domain></DomainList><VerifySignatureURL>Enabled</VerifySignatureURL>\
               </RefererConfiguration>";
    let answer = Action::RawBody { status: 200, headers: Vec::new(), body: set.into() };
    emulator.script(Rule::on("GET Bucket referer").then(answer).always());
    let bucket = format!("cos://{}", emulator.bucket());
    let (status, told) = shell.failed(&["referer", &bucket, "--white-list", "a.example"]);
    assert!(status == 1 && told.contains("hotlink protection of signed URLs"), "{status} {told}");
}

#[test]
fn inventory_sets_shows_begins_and_removes() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.done(&["inventory", &bucket]).is_empty());
    let to = "cos://reports-1250000000";
    let set = ["inventory", &bucket, "--id", "weekly", "--every", "week", "--to", to, "--into", "lists"];
    let set = shell.json(&[&set[..], &["--prefix", "a/", "--fields", "Size,ETag", "--versions", "--encrypt"]].concat());
    let expected = json!({
        "type": "inventory", "id": "weekly", "enabled": true, "every": "week", "versions": "All", "prefix": "a/",
        "tags": [], "fields": ["Size", "ETag"], "to": "qcs::cos:ap-guangzhou::reports-1250000000", "into": "lists",
        "account": null, "encrypted": true, "unknown": [], "day": null, "storage_class": null, "start_time": null,
        "end_time": null,
    });
    assert_eq!((&set[0], &shell.json(&["inventory", &bucket, "--id", "weekly"])[0]), (&expected, &expected));
    shell.done(&["inventory", &bucket, "--id", "daily", "--every", "day", "--to", &bucket]);
    let shown = shell.done(&["inventory", &bucket]);
    let lines: Vec<_> = text(&shown).lines().collect();
    assert!(lines[0].starts_with("daily: every day, to qcs::cos:ap-guangzhou::"), "{lines:?}");
    assert_eq!(lines[1..], ["weekly: every week, to qcs::cos:ap-guangzhou::reports-1250000000, of a/*"]);
    let begun = shell.done(&["inventory", &bucket, "--id", "now", "--once", "--to", to]);
    assert!(text(&begun).starts_with("begun: job "), "{}", text(&begun));
    for wrong in [
        &["--id", "a", "--to", to][..],
        &["--every", "day", "--to", to],
        &["--id", "a", "--every", "day"],
        &["--id", "a", "--every", "day", "--once", "--to", to],
        &["--id", "a/b", "--every", "day", "--to", to],
        &["--id", "a", "--remove", "--to", to],
        &["--remove"],
    ] {
        let refused = shell.run(&[&["inventory", &bucket], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    for _ in 0..2 {
        assert_eq!(shell.json(&["inventory", &bucket, "--id", "weekly", "--remove"])[0]["action"], "remove");
        assert!(shell.done(&["inventory", &bucket, "--id", "weekly"]).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_inventory_keeps_what_is_not_said_again() {
    let emulator = crate::support::emulator().await;
    let reports = InventoryDestination::new(&"ap-guangzhou".parse().unwrap(), &"reports-1250000000".parse().unwrap());
    let filter = InventoryFilter::new().prefix("a/").tag("team", "blue").storage_class(StorageClass::STANDARD_IA);
    let monthly = InventorySchedule::Monthly { day: Some(3) };
    let theirs = InventoryConfiguration::new("i", monthly, reports.account_id("1").prefix("lists").encrypted(true))
        .included_object_versions(IncludedObjectVersions::All)
        .filter(filter.start_time(SystemTime::UNIX_EPOCH + Duration::from_secs(1)))
        .optional_field(InventoryField::SIZE)
        .enabled(false);
    let ours = crate::support::bucket(&emulator);
    ours.send(PutBucketInventory::new(theirs.clone())).await.unwrap();
    let shell = Shell::over(&emulator);
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    let set = |more: &[&str]| shell.done(&[&["inventory", &bucket, "--id", "i"], more].concat());
    let to = "cos://reports-1250000000";
    let shown = set(&["--every", "month", "--to", to]);
    let every = "every month, to qcs::cos:ap-guangzhou::reports-1250000000, of a/* with team=blue in STANDARD_IA";
    assert_eq!(text(&shown), format!("not made: i: {every}\n"));
    let get = async || ours.send(GetBucketInventory::new("i")).await.unwrap().unwrap();
    assert_eq!(get().await, theirs);
    let told = &shell.json(&["inventory", &bucket])[0];
    assert_eq!((&told["day"], &told["storage_class"]), (&json!(3), &json!("STANDARD_IA")));
    assert_eq!((&told["start_time"], &told["end_time"]), (&json!("1970-01-01T00:00:01Z"), &json!(null)));

    set(&["--every", "day", "--to", to, "--into", "x", "--prefix", "b/", "--fields", "ETag"]);
    let mut expected = theirs;
    expected.schedule = Some(InventorySchedule::Daily);
    expected.destination.as_mut().unwrap().prefix = Some("x".to_owned());
    expected.filter.as_mut().unwrap().prefix = Some("b/".to_owned());
    expected.optional_fields = vec![InventoryField::ETAG];
    assert_eq!(get().await, expected);
    // In another place nothing of the first holds.
    set(&["--every", "day", "--to", &bucket]);
    expected.destination = Some(InventoryDestination::new(ours.region(), ours.name()));
    assert_eq!(get().await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_rule_of_tiering_keeps_what_is_not_said_again() {
    let emulator = crate::support::emulator().await;
    let filter = IntelligentTieringFilter::new().prefix("logs/").tag("team", "blue");
    let rule =
        IntelligentTieringConfiguration::new("logs", filter).tiering(AccessTier::ArchiveAccess, 91).enabled(false);
    let ours = crate::support::bucket(&emulator);
    ours.send(PutBucketIntelligentTiering::new(rule.clone())).await.unwrap();
    let shell = Shell::over(&emulator);
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    let set = |more: &[&str]| shell.done(&[&["tiering", &bucket, "--id", "logs"], more].concat());
    let shown = set(&["--deep-archive", "200"]);
    let tiers = "ARCHIVE_ACCESS after 91 days, DEEP_ARCHIVE_ACCESS after 200 days";
    assert_eq!(text(&shown), format!("not in force: logs of logs/* with team=blue: {tiers}\n"));
    let get = async || ours.send(GetBucketIntelligentTiering::new("logs")).await.unwrap().unwrap();
    let mut expected = rule.tiering(AccessTier::DeepArchiveAccess, 200);
    assert_eq!(get().await, expected);
    set(&["--prefix", "old/", "--archive", "100"]);
    expected.filter.as_mut().unwrap().prefix = Some("old/".to_owned());
    expected.tierings[0].days = 100;
    assert_eq!(get().await, expected);
}

#[test]
fn tiering_is_turned_on_and_has_rules() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.done(&["tiering", &bucket]).is_empty());
    let set = ["tiering", &bucket, "--id", "logs", "--prefix", "logs/", "--archive", "91", "--deep-archive", "180"];
    let expected = json!({
        "type": "tiering", "id": "logs", "enabled": true, "prefix": "logs/", "tags": [], "unknown": [],
        "tiers": [["ARCHIVE_ACCESS", 91], ["DEEP_ARCHIVE_ACCESS", 180]],
    });
    assert_eq!((&shell.json(&set)[0], &shell.json(&["tiering", &bucket, "--id", "logs"])[0]), (&expected, &expected));
    let on = shell.done(&["tiering", &bucket, "--turn-on", "30"]);
    assert_eq!(text(&on), "default: INFREQUENT after 30 days\n");
    let shown = shell.done(&["tiering", &bucket]);
    let logs = "logs of logs/*: ARCHIVE_ACCESS after 91 days, DEEP_ARCHIVE_ACCESS after 180 days\n";
    assert_eq!(text(&shown), format!("{}{logs}", text(&on)));
    let (status, told) = shell.failed(&["tiering", &bucket, "--turn-on", "60"]);
    assert!(status == 1 && told.contains("cannot be changed"), "{status} {told}");
    for wrong in [
        &["--turn-on", "31"][..],
        &["--turn-on", "30", "--id", "a"],
        &["--id", "a", "--prefix", "p"],
        &["--archive", "91"],
        &["--id", "a", "--archive", "91", "--remove"],
        &["--id", "default", "--remove"],
    ] {
        let refused = shell.run(&[&["tiering", &bucket], wrong].concat());
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    }
    assert_eq!(shell.json(&["tiering", &bucket, "--id", "logs", "--remove"])[0]["action"], "remove");
    assert_eq!(shell.done(&["tiering", &bucket]), on);
}

#[test]
fn accelerate_shows_enables_and_suspends() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    let told = |enabled: Value| [json!({ "type": "accelerate", "enabled": enabled, "unknown": [] })];
    assert_eq!(shell.json(&["accelerate", &bucket]), told(Value::Null));
    assert_eq!(shell.json(&["accelerate", &bucket, "--enable"]), told(json!(true)));
    let shown = shell.done(&["accelerate", &bucket]);
    assert_eq!(text(&shown), format!("global acceleration of {bucket} is on\n"));
    assert_eq!(shell.json(&["accelerate", &bucket, "--suspend"]), told(json!(false)));
    assert_eq!(shell.json(&["accelerate", &bucket]), told(json!(false)));
    assert_eq!(shell.run(&["accelerate", &bucket, "--suspend", "--enable"]).status.code(), Some(2));
}

#[test]
fn logging_shows_moves_and_removes() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.done(&["logging", &bucket]).is_empty());
    let set = shell.json(&["logging", &bucket, "--to", &shell.url("logs/a b/")]);
    let expected = json!({ "type": "logging", "bucket": shell.bucket(), "prefix": "logs/a b/", "unknown": [] });
    assert_eq!((&set[0], &shell.json(&["logging", &bucket])[0]), (&expected, &expected));
    let shown = shell.done(&["logging", &bucket]);
    assert_eq!(text(&shown), format!("the log is kept under {bucket}/logs/a b/\n"));
    let (status, told) = shell.failed(&["logging", &bucket, "--to", "cos://nowhere-1250000000"]);
    assert!(status == 1 && told.contains("InvalidTargetBucketForLogging"), "{status} {told}");
    assert_eq!(shell.run(&["logging", &bucket, "--to", &bucket, "--remove"]).status.code(), Some(2));
    assert_eq!(shell.json(&["logging", &bucket, "--remove"])[0]["action"], "remove");
    assert!(shell.done(&["logging", &bucket]).is_empty());
}

#[test]
fn replication_shows_adds_and_removes() {
    let buckets = ["--versioned", "from-1250000000", "--versioned", "copy-1250000000@ap-beijing"];
    let shell = Shell::with(&buckets);
    let bucket = "cos://from-1250000000";
    assert!(shell.done(&["replication", bucket]).is_empty());
    let add = |more: &[&'static str]| {
        let to = ["replication", bucket, "--to", "copy-1250000000@ap-beijing"];
        [&to[..], more].concat()
    };
    assert_eq!(shell.run(&add(&["--prefix", "a/"])).status.code(), Some(2));
    assert_eq!(shell.run(&add(&["--role", "me"])).status.code(), Some(2));
    let role = "qcs::cam::uin/100000000001:uin/100000000001";
    let set = shell.json(&add(&["--role", role, "--prefix", "a/"]));
    let expected = json!({
        "type": "rule", "role": role, "id": null, "enabled": true, "priority": null, "prefix": "a/", "tags": {},
        "bucket": "copy-1250000000", "region": "ap-beijing", "storage_class": null, "kms_key_id": null,
        "delete_markers": null, "kms_encrypted": null, "unknown": [],
    });
    assert_eq!(set, std::slice::from_ref(&expected));
    shell.done(&add(&["--prefix", "b/", "--no-delete-markers"]));
    let shown = shell.json(&["replication", bucket]);
    assert_eq!((shown.len(), &shown[0], &shown[1]["delete_markers"]), (2, &expected, &json!(false)));
    let printed = shell.done(&["replication", bucket]);
    assert_eq!(
        text(&printed),
        "a/* to copy-1250000000 in ap-beijing\nb/* to copy-1250000000 in ap-beijing, no delete markers\n"
    );
    assert_eq!(shell.run(&["replication", bucket, "--to", "copy-1250000000"]).status.code(), Some(2));
    assert_eq!(shell.json(&["replication", bucket, "--remove"])[0]["action"], "remove");
    assert!(shell.done(&["replication", bucket]).is_empty());
}

#[test]
fn domain_shows_adds_and_removes() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.done(&["domain", &bucket]).is_empty());
    shell.done(&["domain", &bucket, "--add", "cdn.example.com"]);
    shell.done(&["domain", &bucket, "--add", "www.example.com", "--to", "website"]);
    shell.done(&["domain", &bucket, "--add", "CDN.example.com", "--to", "accelerate", "--force", "cname"]);
    // Where it leads stays as it is.
    shell.done(&["domain", &bucket, "--add", "www.example.com"]);
    let mut shown = shell.json(&["domain", &bucket])[0].clone();
    let proof = shown.as_object_mut().unwrap().remove("txt_verification").unwrap();
    let proof = proof.as_str().unwrap();
    assert_eq!(
        shown,
        json!({
            "type": "domains", "unknown": [], "domains": [
                { "name": "cdn.example.com", "enabled": true, "to": "ACCELERATE", "unknown": [] },
                { "name": "www.example.com", "enabled": true, "to": "WEBSITE", "unknown": [] },
            ],
        })
    );
    let printed = shell.done(&["domain", &bucket]);
    let expected =
        format!("cdn.example.com  the bucket, accelerated\nwww.example.com  its website\nTXT              {proof}\n");
    assert_eq!(text(&printed), expected);
    for wrong in [&["--add", "a b"][..], &["--to", "website"], &["--add", "a.test", "--delete", "b.test"]] {
        assert_eq!(shell.run(&[&["domain", bucket.as_str()], wrong].concat()).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(shell.run(&["domain", &bucket, "--delete", "a.test"]).status.code(), Some(1));
    shell.done(&["domain", &bucket, "--delete", "www.example.com"]);
    assert_eq!(shell.json(&["domain", &bucket])[0]["domains"].as_array().unwrap().len(), 1);
    assert!(shell.done(&["domain", &bucket, "--delete", "cdn.example.com"]).is_empty());
    assert!(shell.done(&["domain", &bucket]).is_empty());
    assert_eq!(shell.json(&["domain", &bucket, "--remove"])[0]["action"], "remove");
}

#[test]
fn certificate_shows_sets_and_removes() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/certificate/cdn");
    let (cert, key) = (format!("{golden}.pem"), format!("{golden}.key"));
    let certificate = |more: &[&str]| {
        let mut asked = vec!["certificate", &bucket, "--domain", "cdn.example.com"];
        asked.extend(more);
        asked.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = |more: &[&str]| shell.run(&certificate(more).iter().map(String::as_str).collect::<Vec<_>>());
    shell.done(&["domain", &bucket, "--add", "cdn.example.com"]);
    assert!(asked(&[]).stdout.is_empty());
    let set = asked(&["--cert", &cert, "--private-key", &key]);
    assert!(text(&set.stdout).starts_with("set the certificate of cdn.example.com (request id "), "{set:?}");
    let shown = asked(&[]);
    let lines: Vec<_> = text(&shown.stdout).lines().collect();
    assert!(
        lines[0] == "in use  yes" && lines[1].starts_with("id      ") && lines[3].starts_with("ends    2126-"),
        "{lines:?}"
    );
    // A key that is given for the certificate is not quoted.
    let wrong = asked(&["--cert", &key, "--private-key", &key]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(!text(&wrong.stderr).contains("BEGIN"), "{wrong:?}");
    assert_eq!(asked(&["--cert", &cert]).status.code(), Some(2));
    assert!(asked(&["--remove"]).status.success());
    assert!(asked(&[]).stdout.is_empty());
}

#[test]
fn origin_shows_adds_and_removes() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    assert!(shell.done(&["origin", &bucket]).is_empty());
    shell.done(&[
        "origin",
        &bucket,
        "--redirect",
        "www.example.com",
        "--prefix",
        "docs/",
        "--status",
        "403",
        "--https",
    ]);
    shell.done(&["origin", &bucket, "--mirror", "old.example.com"]);
    let shown = shell.json(&["origin", &bucket])[0].clone();
    assert_eq!(shown["type"], "origins");
    let first = shown["rules"][0].clone();
    assert_eq!(
        first,
        json!({
            "priority": 1, "type": "Redirect", "status": 403, "prefix": "docs/", "suffix": null, "protocol": "HTTPS",
            "transparent_error_code": null, "follow_query_string": null, "headers": null, "follow_redirection": null,
            "redirect_code": null, "file_prefix": null, "file_suffix": null, "fixed_file": null, "unknown": [],
            "hosts": [{ "name": "www.example.com", "weight": null, "standby": [], "unknown": [] }],
        })
    );
    let printed = shell.done(&["origin", &bucket]);
    let expected = "1  403 of docs/* redirects to www.example.com\n2  404 of * gets from old.example.com\n";
    assert_eq!(text(&printed), expected);
    for wrong in [&["--redirect", "a/b"][..], &["--redirect", "a", "--status", "302"], &["--prefix", "a"], &["--https"]]
    {
        assert_eq!(shell.run(&[&["origin", bucket.as_str()], wrong].concat()).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(shell.json(&["origin", &bucket, "--remove"])[0]["action"], "remove");
    assert!(shell.done(&["origin", &bucket]).is_empty());
}

#[test]
fn lock_locks_new_objects_and_one_of_them() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    let object = shell.url("a");
    assert!(shell.done(&["lock", &bucket]).is_empty());
    shell.put(&object, "kept");
    let (_, told) = shell.failed(&["lock", &object, "--until", "2096-10-02T07:06:40Z"]);
    assert!(told.contains("InvalidBucketState"), "{told}");
    let done = shell.done(&["lock", &bucket, "--days", "2"]);
    assert_eq!(text(&done), "new objects are locked for 2 days\n");
    assert_eq!(shell.json(&["lock", &bucket]), [json!({ "type": "lock", "days": 2, "unknown": [] })]);
    let (_, told) = shell.failed(&["lock", &bucket, "--days", "1"]);
    assert!(told.contains("InvalidLockedTime"), "{told}");
    assert!(shell.done(&["lock", &object]).is_empty());
    let done = shell.done(&["lock", &object, "--until", "2096-10-02T07:06:40Z"]);
    assert_eq!(text(&done), "locked until 2096-10-02T07:06:40Z\n");
    assert_eq!(shell.json(&["lock", &object])[0]["mode"], "COMPLIANCE");
    let (_, told) = shell.failed(&["rm", &object]);
    assert!(told.contains("ObjectLocked"), "{told}");
    for arguments in [
        &["lock", &bucket, "--until", "2096-10-02T07:06:40Z"][..],
        &["lock", &object, "--days", "2"],
        &["lock", &object, "--until", "tomorrow"],
        &["lock", &bucket, "--days", "0"],
    ] {
        assert_eq!(shell.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
