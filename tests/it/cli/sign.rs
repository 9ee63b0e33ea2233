//! `cos sign`.

use serde_json::{Value, json};

use super::shell::{Shell, text};

/// The header signatures of a file that follow COS's documents.
fn vectors(json: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(json).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    cases.into_iter().filter(|case| case["kind"] == "header" && case["expect_spec"] != json!(false)).collect()
}

/// Runs `cos sign` with the key of a vector.
fn sign(shell: &Shell, case: &Value, token: Option<&str>, headers: &[&Value]) -> Value {
    let request = json!({
        "method": case["method"], "path": case["path"], "params": case["params"], "headers": headers,
        "start": case["start"], "end": case["end"],
    });
    shell.write("request.json", request.to_string());
    let mut command = shell.command();
    command.args(["sign", "--request", "request.json"]);
    command.env("TENCENTCLOUD_SECRET_ID", case["secret_id"].as_str().unwrap());
    command.env("TENCENTCLOUD_SECRET_KEY", case["secret_key"].as_str().unwrap());
    if let Some(token) = token {
        command.env("TENCENTCLOUD_TOKEN", token);
    }
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{}", case["id"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn sign_reproduces_every_signature_of_the_official_sdks() {
    let shell = Shell::offline();
    let cases = vectors(include_str!("../../golden/sdk_vectors.json"));
    let published = vectors(include_str!("../../golden/official_examples.json"));
    assert_eq!((cases.len(), published.len()), (135, 3));
    let mut tokens = 0;
    for case in cases.iter().chain(&published) {
        let signed = case["signed_header_names"].as_array();
        let is_signed = |header: &Value| {
            let name = header[0].as_str().unwrap().to_ascii_lowercase();
            signed.is_none_or(|names| names.iter().any(|signed| *signed == name))
        };
        let headers: Vec<_> = case["headers"].as_array().unwrap().iter().filter(|header| is_signed(header)).collect();
        let check = |stages: &Value| {
            for stage in ["http_string", "string_to_sign", "signature", "authorization"] {
                assert!(case[stage].is_string(), "{} {stage}", case["id"]);
                assert_eq!(stages[stage], case[stage], "{} {stage}", case["id"]);
            }
        };
        check(&sign(&shell, case, None, &headers));
        let is_token = |header: &&Value| header[0].as_str().unwrap().eq_ignore_ascii_case("x-cos-security-token");
        if let Some(token) = headers.iter().copied().find(is_token) {
            // From the environment it is signed once, whether it is among the headers or not.
            tokens += 1;
            check(&sign(&shell, case, token[1].as_str(), &headers));
            let others: Vec<_> = headers.iter().copied().filter(|header| !is_token(header)).collect();
            check(&sign(&shell, case, token[1].as_str(), &others));
        }
    }
    assert_eq!(tokens, 4);
}

#[test]
fn sign_takes_a_request_from_arguments_as_from_standard_input() {
    let mut shell = Shell::offline();
    shell.variables = [("TENCENTCLOUD_SECRET_ID", "AKIDexample"), ("TENCENTCLOUD_SECRET_KEY", "example")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let arguments = ["--method", "PUT", "--path", "/a b", "--param", "acl", "--param", "x=1=2"];
    let more = ["--header", "Host: h.example.com", "--header", "X-Cos-Meta-A:b:c", "--start", "1", "--end", "2"];
    let by_arguments = shell.json(&[&["sign"][..], &arguments, &more].concat());
    let request = json!({
        "method": "PUT", "path": "/a b", "params": [["x", "1=2"], ["acl", ""]],
        "headers": [["host", "h.example.com"], ["x-cos-meta-a", "b:c"]], "start": 1, "end": 2,
    });
    let output = shell.fed(&["sign", "--request", "-"], request.to_string().as_bytes());
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), by_arguments[0]);
    let expected = "put\n/a b\nacl=&x=1%3D2\nhost=h.example.com&x-cos-meta-a=b%3Ac\n";
    assert_eq!(by_arguments[0]["http_string"], expected);
    let output = shell.fed(&["sign", "--request", "-"], br#"{"method":"GET"}"#);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("cos: -: missing field `path`"), "{}", text(&output.stderr));
    let output = shell.fed(&["sign", "--request", "-"], br#"{"method":"GET","path":"/","params":"SECRET"}"#);
    assert!(text(&output.stderr).starts_with("cos: -: no request, at line 1"), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("SECRET"));
}
