//! Global acceleration: the setting, and the host.

use cos_emulator::Emulator;

use crate::client::Ask;

/// The example of the reference.
pub const DOCUMENT: &str =
    "<AccelerateConfiguration xmlns=\"cos xmlns/\">\n<Status>Enabled</Status>\n</AccelerateConfiguration>";

const FAST: &str = "examplebucket-1250000000.cos.accelerate.myqcloud.com";

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("accelerate", "")
}

#[tokio::test]
async fn acceleration_is_turned_on_and_suspended() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let set = async |document: String| setting(&emulator, "PUT").body(document).send(&emulator).await.verdict();
    let kept = async || setting(&emulator, "GET").send(&emulator).await.text().replace(['\n', '\t'], "");
    let suspended = DOCUMENT.replace("Enabled", "Suspended");
    assert!(kept().await.ends_with("<AccelerateConfiguration/>"));
    // It never was on: there is no state to show.
    assert_eq!(set(suspended.clone()).await, "200");
    assert!(kept().await.ends_with("<AccelerateConfiguration/>"));
    assert_eq!(set(DOCUMENT.to_owned()).await, "200");
    let on = "<AccelerateConfiguration><Status>Enabled</Status><Type>COS</Type></AccelerateConfiguration>";
    assert!(kept().await.ends_with(on));
    for (part, other) in [
        ("Enabled", "On"),
        ("<Status>Enabled</Status>", ""),
        ("<Status>Enabled</Status>", "<Status>Enabled</Status><Status>Enabled</Status>"),
        ("</Acc", "<Type>CDN</Type></Acc"),
        ("</Acc", "<New/></Acc"),
    ] {
        assert_eq!(set(DOCUMENT.replace(part, other)).await, "400 MalformedXML", "{other}");
    }
    assert!(kept().await.ends_with(on));
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "501 NotImplemented");
    assert_eq!(setting(&emulator, "GET").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(set(suspended).await, "200");
    assert!(kept().await.contains("<Status>Suspended</Status>"));
}

#[tokio::test]
async fn its_host_serves_objects_while_it_is_on_and_never_settings() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let put = async |host: &str| Ask::new(&emulator, "PUT", "/k").host(host).body("x").send(&emulator).await.verdict();
    assert_eq!(put(FAST).await, "400 BucketAccelerateNotEnabled");
    setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await;
    assert_eq!(put(FAST).await, "200");
    assert_eq!(put(&FAST.replace("myqcloud.com", "tencentcos.cn")).await, "200");
    for (method, query, verdict) in [
        ("GET", "", "200"),
        ("GET", "versions", "200"),
        ("GET", "uploads", "200"),
        ("GET", "acl", "400 ActionAccelerateNotSupported"),
        ("GET", "accelerate", "400 ActionAccelerateNotSupported"),
        ("PUT", "accelerate", "400 ActionAccelerateNotSupported"),
        ("DELETE", "", "400 ActionAccelerateNotSupported"),
    ] {
        let ask = Ask::new(&emulator, method, "/").host(FAST);
        let ask = if query.is_empty() { ask } else { ask.query(query, "") };
        assert_eq!(ask.body(DOCUMENT).send(&emulator).await.verdict(), verdict, "{method} {query}");
    }
    setting(&emulator, "PUT").body(DOCUMENT.replace("Enabled", "Suspended")).send(&emulator).await;
    assert_eq!(put(FAST).await, "400 BucketAccelerateNotEnabled");
    let stranger = Ask::new(&emulator, "GET", "/k").host(FAST).anonymous();
    assert_eq!(stranger.send(&emulator).await.verdict(), "400 BucketAccelerateNotEnabled");
}
