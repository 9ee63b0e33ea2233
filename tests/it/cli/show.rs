//! What is shown of buckets, objects and the command itself.

use cos_emulator::{Action, Rule};
use serde_json::json;
use tencent_cos::{Attributes, Encryption, PutObject, StorageClass, Tags};

use super::shell::{Shell, bytes, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ls_lines_up_its_columns_and_tells_the_sum() {
    let emulator = crate::support::emulator().await;
    for (key, size) in [("a", 1), ("b", 12_345_678), ("dir/c", 7)] {
        emulator.put_object(emulator.bucket(), key, bytes(size));
    }
    let shell = Shell::over(&emulator);
    let url = shell.url("");
    let (printed, sum) = shell.listed(&[&url]);
    let columns: Vec<&str> = printed.lines().map(|line| &line[20..]).collect();
    assert_eq!(columns, ["            PRE  dir/", "              1  a", "       12345678  b"]);
    assert!(printed.lines().skip(1).all(|line| line.as_bytes()[19] == b'Z'), "{printed}");
    assert_eq!(sum, "1 prefix, 2 objects, 11.77 MiB (12345679 bytes)\n");
    let (printed, sum) = shell.listed(&["-r", "-H", &url]);
    let columns: Vec<&str> = printed.lines().map(|line| &line[20..]).collect();
    assert_eq!(columns, ["            1 B  a", "      11.77 MiB  b", "            7 B  dir/c"]);
    assert_eq!(sum, "3 objects, 11.77 MiB (12345686 bytes)\n");
    let output = shell.run(&["--json", "ls", "-r", "-H", &url]);
    assert_eq!((text(&output.stdout).lines().count(), text(&output.stderr)), (3, ""));
    assert!(text(&output.stdout).contains("\"size\":12345678,"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn du_sums_up_by_storage_class() {
    let emulator = crate::support::emulator().await;
    for number in 0..1001 {
        emulator.put_object(emulator.bucket(), &format!("p/{number:04}"), "12");
    }
    let archived = Attributes::new().storage_class(StorageClass::DEEP_ARCHIVE);
    let put = PutObject::new("p/old".parse().unwrap(), bytes(2000)).attributes(archived);
    crate::support::bucket(&emulator).send(put).await.unwrap();
    emulator.put_object(emulator.bucket(), "q", "12");
    let shell = Shell::over(&emulator);
    let printed = shell.done(&["du", &shell.url("p/")]);
    let lines: Vec<&str> = text(&printed).lines().collect();
    assert_eq!(
        lines,
        [
            "DEEP_ARCHIVE      1 object  1.95 KiB (2000 bytes)",
            "STANDARD      1001 objects  1.96 KiB (2002 bytes)",
            "total         1002 objects  3.91 KiB (4002 bytes)",
        ]
    );
    let told = shell.json(&["du", &shell.url("q")]);
    let line = |kind: &str, class| json!({ "type": kind, "storage_class": class, "objects": 1, "bytes": 2 });
    assert_eq!(told, [line("class", Some("STANDARD")), line("total", None)]);
    assert_eq!(text(&shell.done(&["du", &shell.url("none")])), "total  0 objects  0 bytes\n");
}

#[test]
fn du_counts_versions_when_asked() {
    let shell = Shell::with(&["--versioned", "kept-1250000000"]);
    for body in ["1", "22"] {
        shell.put(&shell.url("k"), body);
    }
    shell.done(&["rm", &shell.url("k")]);
    assert_eq!(shell.json(&["du", &shell.url("")])[0]["objects"], 0);
    let told = &shell.json(&["du", "--versions", &shell.url("")])[1];
    assert_eq!((&told["objects"], &told["bytes"]), (&json!(2), &json!(3)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn acl_sets_and_shows_who_may_do_what() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "x");
    let shell = Shell::over(&emulator);
    let (bucket, object) = (format!("cos://{}", emulator.bucket()), shell.url("k"));
    let (owner, everybody) =
        ("qcs::cam::uin/100000000001:uin/100000000001", "http://cam.qcloud.com/groups/global/AllUsers");
    let printed = |url: &str| text(&shell.done(&["acl", url])).to_owned();
    assert_eq!(printed(&object), format!("owner  {owner}\nacl    as that of {bucket}\n"));
    assert_eq!(printed(&bucket), format!("owner         {owner}\nFULL_CONTROL  {owner}\n"));
    let public = |url: &str| {
        let told = &shell.json(&["acl", url])[0];
        [told["public_read"].clone(), told["public_write"].clone()]
    };
    emulator.put_object(emulator.bucket(), "a/b", "x");
    let told = format!("owner  {owner}\nacl    as those of its directories and of {bucket}\n");
    assert_eq!(printed(&shell.url("a/b")), told);
    assert_eq!(public(&bucket), [false, false]);
    assert_eq!(public(&object), [json!(null), json!(null)], "others tell");

    let said = shell.done(&["acl", &object, "--set", "public-read"]);
    assert!(text(&said).starts_with(&format!("set the ACL of {object} (request id ")), "{}", text(&said));
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().acl(), Some("public-read"));
    assert_eq!(public(&object), [true, false]);
    let told = format!("owner         {owner}\nFULL_CONTROL  {owner}\nREAD          {everybody}\n");
    assert_eq!(printed(&object), told);
    let told = &shell.json(&["acl", &object])[0];
    let fields: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["acl", "bucket", "grants", "key", "owner", "public_read", "public_write", "request_id"]);
    assert_eq!((&told["acl"], &told["key"], &told["public_read"]), (&json!(null), &json!("k"), &json!(true)));

    let after = |arguments: &[&str]| {
        assert_eq!(shell.json(&[&["acl", &bucket], arguments].concat())[0]["key"], json!(null));
        let grants = shell.json(&["acl", &bucket])[0]["grants"].clone();
        grants.as_array().unwrap()[1..].to_vec()
    };
    let grant = |uin: &str, permission: &str| {
        let grantee = format!("qcs::cam::uin/{uin}:uin/{uin}");
        json!({ "grantee": grantee, "permission": permission })
    };
    let grants = after(&["--set", "private", "--grant-read", "2", "--grant-read", "3"]);
    assert_eq!(grants, [grant("2", "READ"), grant("3", "READ")]);
    let grants = after(&["--grant-write", "2", "--grant-full-control", "3"]);
    assert_eq!(grants, [grant("2", "WRITE"), grant("3", "FULL_CONTROL")]);

    emulator.clear_journal();
    for (arguments, why) in [
        (&["acl", &bucket, "--set", "default"][..], "acl: is for objects only"),
        (&["acl", &object, "--set", "public-read-write"], "acl: is for buckets and directories only"),
        (&["acl", &object, "--grant-read", "a b"], "grant: is not the uin of an account"),
        (&["acl", &bucket, "--version-id", "v"], "--version-id is for an object"),
    ] {
        let (_, told) = shell.failed(arguments);
        assert!(told.contains(why), "{told}");
    }
    assert!(emulator.journal().is_empty());
    let (status, told) = shell.failed(&["acl", &object, "--version-id", "none"]);
    assert!(status == 1 && told.contains("NoSuchVersion"), "{told}");
}

const FIELDS: &str = "bucket cache_control content_disposition content_encoding content_language content_type crc64 \
    customer_algorithm encryption etag expiration expires key kms_key_id last_modified metadata next_append_position \
    object_type other replication_status request_id restore restore_status size storage_class storage_tier tags version_id";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn stat_shows_all_that_cos_keeps() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let attributes = Attributes::new()
        .content_type("text/plain")
        .cache_control("no-cache")
        .content_language("zh-CN")
        .meta("note", "two  words");
    let put = PutObject::new("k".parse().unwrap(), "hello").attributes(attributes);
    let put = put.encryption(Encryption::Cos).tags(Tags::new().tag("team", "a"));
    crate::support::bucket(&emulator).send(put).await.unwrap();
    let url = shell.url("k");
    let stat = &shell.json(&["stat", &url])[0];
    let fields: Vec<&str> = stat.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, FIELDS.split(' ').collect::<Vec<_>>());
    for (name, value) in [
        ("size", json!(5)),
        ("content_type", json!("text/plain")),
        ("cache_control", json!("no-cache")),
        ("content_language", json!("zh-CN")),
        ("encryption", json!("AES256")),
        ("tags", json!(1)),
        ("object_type", json!("normal")),
        ("metadata", json!({ "note": "two  words" })),
        ("restore", json!(null)),
        ("other", json!({})),
    ] {
        assert_eq!(stat[name], value, "{name}");
    }

    let headers = [
        ("Content-Length", "2000"),
        ("ETag", "\"e\""),
        ("x-cos-storage-class", "ARCHIVE"),
        ("x-cos-restore", "ongoing-request=\"true\""),
        ("x-cos-meta-name", "中文"),
        ("x-cos-new", "of tomorrow"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    emulator.script(Rule::on("HEAD Object").then(Action::RawBody { status: 200, headers, body: "".into() }));
    let printed = shell.done(&["stat", &url]);
    let lines: Vec<&str> = text(&printed).lines().collect();
    assert_eq!(
        lines[..7],
        [
            &*format!("object         {url}"),
            "size           1.95 KiB (2000 bytes)",
            "etag           \"e\"",
            "storage class  ARCHIVE",
            "restore        ongoing-request=\"true\"",
            "meta name      中文",
            "x-cos-new      of tomorrow",
        ]
    );
}

#[test]
fn shells_complete_every_command_and_option() {
    let shell = Shell::offline();
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = shell.done(&["completion", name]);
        for word in ["orphans", "presign", "restore", "tag", "part-size", "no-progress", "older-than"] {
            assert!(text(&script).contains(word), "{name}: {word}");
        }
    }
    let (status, told) = shell.failed(&["completion", "tcsh"]);
    assert!(status == 2 && told.contains("[possible values: bash, elvish, fish, powershell, zsh]"), "{told}");
}

/// A line that was wrapped would be two commands where it is pasted.
#[test]
fn examples_of_the_help_fit_on_their_lines() {
    let shell = Shell::offline();
    let help = shell.done(&["--help"]);
    let commands = text(&help).lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    for command in commands.filter(|command| *command != "help") {
        // As wide as a terminal is, unless somebody makes it wider.
        let help = shell.command().args([command, "--help"]).env("COLUMNS", "80").output().unwrap().stdout;
        let mut examples = text(&help).lines().skip_while(|line| !line.starts_with("Example"));
        assert!(examples.next().is_some(), "{command}");
        for line in examples {
            let begins = ["  cos ", "  curl ", "  source ", "  key=", "    "].iter().any(|word| line.starts_with(word));
            assert!(begins, "{command}: {line}");
        }
    }
}

/// Neither of a key nor of an argument: as text it is escaped in the way of Rust, as JSON in that of JSON.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_terminal_would_obey_is_not_printed() {
    let emulator = crate::support::emulator().await;
    let key = "a\u{9b}2J\u{85}\u{7f}\u{202e}gpj.\u{2066}\u{200f}\u{2028}\n\u{8}\u{7}é😀";
    emulator.put_object(emulator.bucket(), key, "x");
    let shell = Shell::over(&emulator);
    let (url, bucket, missing) = (shell.url(key), shell.url(""), shell.url(&format!("{key}!")));
    let sign = ["sign", "--method", "GET", "--path", key, "--start", "1", "--end", "2"];
    for arguments in [
        &sign[..],
        &["ls", &bucket],
        &["stat", &url],
        &["-v", "stat", &missing],
        &["presign", &url],
        &["cat", key],
        &["\u{1b}]0;title\u{7}"],
        &["cp", "in", &url, "--part-size", key],
        &["rm", "-r", "--dry-run", &bucket],
    ] {
        for json in [&[][..], &["--json"]] {
            let output = shell.command().args(json).args(arguments).output().unwrap();
            let all = text(&output.stdout).to_owned() + text(&output.stderr);
            assert!(!all.is_empty(), "{arguments:?}");
            let obeyed = |c: &char| c.is_control() && *c != '\n' || "\u{202e}\u{2066}\u{200f}\u{2028}".contains(*c);
            assert_eq!(all.chars().find(obeyed), None, "{arguments:?}: {all}");
        }
    }
    assert_eq!(shell.json(&["ls", &bucket])[0]["key"], key);
    assert_eq!(shell.json(&["stat", &url])[0]["key"], key);
    let printed = shell.json(&sign)[0]["http_string"].clone();
    assert!(printed.as_str().unwrap().contains(key), "{printed}");
}

/// Numbers and names that COS never gives, from somebody in its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_too_large_or_too_long_is_shown_all_the_same() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let answer = |body: String| Action::RawBody { status: 200, headers: Vec::new(), body: body.into() };
    let (bucket, long, most) = (shell.url(""), "v".repeat(70_000), u64::MAX);

    let contents = ["a", "b"].map(|key| format!("<Contents><Key>{key}</Key><Size>{most}</Size></Contents>")).concat();
    let listing = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>");
    emulator.script(Rule::on("GET Bucket").then(answer(listing)));
    let (printed, sum) = shell.listed(&[&bucket]);
    assert_eq!(printed.lines().filter(|line| line.contains(&most.to_string())).count(), 2, "{printed}");
    assert!(sum.starts_with("2 objects, ") && sum.ends_with(&format!("({most} bytes)\n")), "{sum}");

    let versions =
        format!("<Version><Key>a</Key><VersionId>{long}</VersionId></Version><Version><Key>b</Key></Version>");
    let listing = format!("<ListVersionsResult><IsTruncated>false</IsTruncated>{versions}</ListVersionsResult>");
    emulator.script(Rule::on("GET Bucket Object Versions").then(answer(listing)));
    let (printed, _) = shell.listed(&["--versions", &bucket]);
    let lengths: Vec<usize> = printed.lines().map(str::len).collect();
    assert!(lengths.len() == 2 && lengths[0] > long.len() && lengths[1] < 1000, "{lengths:?}");

    let tags = format!("<Tag><Key>{long}</Key><Value>1</Value></Tag><Tag><Key>b</Key><Value>2</Value></Tag>");
    emulator.script(Rule::on("GET Bucket tagging").then(answer(format!("<Tagging><TagSet>{tags}</TagSet></Tagging>"))));
    let lengths: Vec<usize> = text(&shell.done(&["tag", &bucket])).lines().map(str::len).collect();
    assert!(lengths.len() == 2 && lengths[0] > long.len() && lengths[1] < 1000, "{lengths:?}");
}

#[test]
fn ln_makes_a_link_and_shows_where_it_leads() {
    let shell = Shell::new();
    let (target, link) = (shell.url("a b/100%+.txt"), shell.url("latest"));
    shell.put(&target, "hello");
    let made = &shell.json(&["ln", &target, &link])[0];
    assert_eq!((&made["key"], &made["target"]), (&json!("latest"), &json!("a b/100%+.txt")));
    assert_eq!(shell.done(&["cat", &link]), b"hello");
    assert_eq!(shell.json(&["stat", &link])[0]["size"], json!(5));
    assert_eq!(text(&shell.done(&["ln", &link])), format!("{target}\n"));
    assert_eq!(shell.json(&["ln", &link])[0]["target"], json!("a b/100%+.txt"));
    let (status, told) = shell.failed(&["ln", &target, &link, "--no-overwrite"]);
    assert!(status == 1 && told.contains("FileAlreadyExists"), "{status} {told}");
    let (status, told) = shell.failed(&["ln", &target]);
    assert!(status == 1 && told.contains("NotSymlink"), "{status} {told}");
    assert_eq!(shell.run(&["ln", &target, "cos://other-1250000000/latest"]).status.code(), Some(2));
    assert_eq!(shell.run(&["ln", &target, "--no-overwrite"]).status.code(), Some(2));
    assert_eq!(shell.run(&["ln", &target, &target]).status.code(), Some(2));
    assert_eq!(shell.done(&["cat", &target]), b"hello");
    let printed = shell.done(&["ln", &target, &shell.url("another")]);
    assert!(text(&printed).starts_with(&format!("{} leads to {target} (request id ", shell.url("another"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn select_writes_what_sql_selects_all_of_it_or_fails() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "a.csv", "name;age\nAda;36\nAlan;41\n");
    emulator.put_object(emulator.bucket(), "a.json", "{\"name\":\"Ada\"}\n{\"name\":\"Alan\"}\n");
    let shell = Shell::over(&emulator);
    let (csv, lines) = (shell.url("a.csv"), shell.url("a.json"));
    let old = "SELECT s.name, s.age FROM COSObject s WHERE s.age > 40";
    let columns = ["--header", "use", "--delimiter", ";"];
    let done = |arguments: &[&str]| text(&shell.done(&[&["select"], arguments, &columns].concat())).to_owned();
    assert_eq!(done(&[&csv, old]), "Alan;41\n");
    assert_eq!(done(&[&csv, old, "--output", "json"]), "{\"name\":\"Alan\",\"age\":\"41\"}\n");
    let all = "SELECT * FROM COSObject";
    assert_eq!(text(&shell.done(&["select", &csv, all])), "name;age\nAda;36\nAlan;41\n");
    let count = "SELECT count(*) FROM COSObject s WHERE s.name LIKE 'A%'";
    assert_eq!(text(&shell.done(&["select", &lines, count, "--input", "json-lines"])), "2\n");

    let (status, told) = shell.failed(&["select", &csv, "SELECT * FROM Other"]);
    assert!(status == 1 && told.contains("SQLParsingError"), "{told}");
    let (status, told) = shell.failed(&["select", &csv, all, "--delimiter", "；"]);
    assert!(status == 2 && told.contains("field_delimiter: is more than 1 byte"), "{told}");
    let to_json = ["--input", "json-lines", "--output", "json"];
    for (of_csv, told_of) in [(["--header", "use"], "--header is for"), (["--delimiter", ";"], "--delimiter is for")] {
        let (status, told) = shell.failed(&[&["select", &lines, all][..], &to_json, &of_csv].concat());
        assert!(status == 2 && told.contains(told_of), "{told}");
    }
    emulator.script(Rule::on("SELECT Object Content").then(Action::CutBody { at: 150 }));
    let broken = shell.run(&["select", &csv, all]);
    assert_eq!((broken.status.code(), text(&broken.stdout)), (Some(1), "name;age\nAda;36\nAlan;41\n"));
    emulator.script(Rule::on("SELECT Object Content").then(Action::WrongFrame { number: 0 }));
    let spoilt = shell.run(&["select", &csv, all]);
    assert_eq!((spoilt.status.code(), text(&spoilt.stdout)), (Some(1), ""));
}
