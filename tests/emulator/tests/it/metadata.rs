//! The metadata of an instance.

use cos_emulator::{Action, Emulator, Role, Rule};
use serde_json::Value;

use crate::client::{Ask, now};
use crate::sts_client::policy;

const FOLDER: &str = "/latest/meta-data/cam/security-credentials/";

fn get(emulator: &Emulator, path: &str) -> Ask {
    Ask::new(emulator, "GET", path).host("metadata.tencentyun.com").anonymous()
}

#[tokio::test]
async fn an_instance_with_a_role_names_it_and_gives_its_keys() {
    let role = Role::new("worker").policy(policy("allow", "name/cos:PutObject", "examplebucket-1250000000/*"));
    let emulator = Emulator::builder().role(role).role(Role::new("other")).instance_role("worker");
    let emulator = emulator.in_memory().unwrap();
    for folder in [FOLDER, FOLDER.trim_end_matches('/'), &FOLDER["/latest".len()..]] {
        assert_eq!(get(&emulator, folder).send(&emulator).await.text(), "worker", "{folder}");
    }
    let answer = get(&emulator, &format!("{FOLDER}worker")).host("127.0.0.1:9911").send(&emulator).await;
    let key: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(key["Code"], "Success");
    assert!(key["ExpiredTime"].as_u64().unwrap().abs_diff(now() + 7200) <= 1);
    let mut put =
        Ask::new(&emulator, "PUT", "/k").body("x").header("x-cos-security-token", key["Token"].as_str().unwrap());
    put.id = key["TmpSecretId"].as_str().unwrap().to_owned();
    put.key = key["TmpSecretKey"].as_str().unwrap().to_owned();
    assert_eq!(put.send(&emulator).await.verdict(), "200");
    put.method = http::Method::DELETE;
    assert_eq!(put.send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(get(&emulator, &format!("{FOLDER}other")).send(&emulator).await.status, 404);
    assert_eq!(emulator.count("Instance metadata"), 5);

    emulator.script(Rule::on("Instance metadata").then(Action::status(500, "InternalError")));
    let answer = get(&emulator, FOLDER).send(&emulator).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (500, "text/plain"));
}

#[tokio::test]
async fn an_instance_without_a_role_has_no_keys_and_a_bucket_may_have_such_objects() {
    let emulator = Emulator::builder().role(Role::new("worker")).in_memory().unwrap();
    assert_eq!(get(&emulator, FOLDER).send(&emulator).await.status, 404);
    assert_eq!(get(&emulator, &format!("{FOLDER}worker")).send(&emulator).await.status, 404);
    emulator.put_object("examplebucket-1250000000", &FOLDER[1..], "mine");
    assert_eq!(Ask::new(&emulator, "GET", FOLDER).send(&emulator).await.text(), "mine");
}
