//! The smallest caller of STS that can sign, in both ways.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cos_emulator::{Emulator, Injected};
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::client::{Answer, Ask, enc, now};

/// A call to be signed and sent, or one that somebody else has signed.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) host: String,
    headers: Vec<(String, String)>,
    parameters: Map<String, Value>,
    /// Bytes and signature that are given, in place of what would be made of the parameters.
    given: Option<String>,
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) token: Option<String>,
    way: Way,
}

#[derive(Clone, Debug, PartialEq)]
enum Way {
    Tc3,
    Unsigned,
    Form(&'static str),
}

/// A policy of one statement about a path behind the account of the examples.
pub(crate) fn policy(effect: &str, action: &str, path: &str) -> String {
    let appid = path.split('/').next().unwrap().rsplit('-').next().unwrap();
    let resource = format!("qcs::cos:ap-guangzhou:uid/{appid}:{path}");
    json!({ "version": "2.0", "statement": [{ "effect": effect, "action": [action], "resource": [resource] }] })
        .to_string()
}

impl Call {
    pub(crate) fn new(emulator: &Emulator, action: &str) -> Self {
        let headers = [
            ("x-tc-action", action),
            ("x-tc-version", "2018-08-13"),
            ("x-tc-region", "ap-guangzhou"),
            ("content-type", "application/json"),
        ];
        Self {
            host: "sts.tencentcloudapi.com".to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            parameters: Map::new(),
            given: None,
            id: emulator.secret_id().to_owned(),
            key: emulator.secret_key().to_owned(),
            token: None,
            way: Way::Tc3,
        }
    }

    /// A call as an official client has sent it.
    pub(crate) fn from_vector(case: &Value) -> Self {
        let text = |name: &str| case[name].as_str().unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        let given = if case["kind"] == "tc3" {
            for header in case["headers"].as_array().unwrap().iter().filter(|header| header[0] != "Host") {
                headers
                    .push((header[0].as_str().unwrap().to_ascii_lowercase(), header[1].as_str().unwrap().to_owned()));
            }
            if case["unsigned_payload"] == true && !headers.iter().any(|(name, _)| name == "x-tc-content-sha256") {
                headers.push(("x-tc-content-sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned()));
            }
            headers.push(("authorization".to_owned(), text("authorization")));
            text("payload")
        } else {
            headers.push(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
            let pairs = case["params"].as_array().unwrap().iter();
            let mut form: Vec<(String, String)> = pairs
                .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()))
                .collect();
            form.retain(|(name, _)| name != "Signature");
            form.push(("Signature".to_owned(), text("signature")));
            encoded(&form)
        };
        Self {
            host: text("host"),
            headers,
            parameters: Map::new(),
            given: Some(given),
            id: String::new(),
            key: String::new(),
            token: None,
            way: Way::Unsigned,
        }
    }

    /// Copies of a given call with one thing changed each, and the code that is to come of it.
    pub(crate) fn altered(&self) -> Vec<(Self, &'static str)> {
        let given = self.given.clone().unwrap();
        let mut copies = Vec::new();
        let mut add = |want, change: &dyn Fn(&mut Self)| {
            let mut copy = self.clone();
            change(&mut copy);
            copies.push((copy, want));
        };
        let wrong = "AuthFailure.SignatureFailure";
        let header = |call: &mut Self, name: &str, change: &dyn Fn(&str) -> String| {
            let (_, value) = call.headers.iter_mut().find(|(have, _)| have == name).unwrap();
            *value = change(value);
        };
        let signed = self.headers.iter().find(|(name, _)| name == "authorization");
        let Some((_, signed)) = signed else {
            add(wrong, &|call| call.given = Some(given.replace("DurationSeconds=1", "DurationSeconds=2")));
            add(wrong, &|call| call.given = Some(given.replace("Name=cos", "Name=sos")));
            add(wrong, &|call| call.given = Some(format!("{given}&More=1")));
            add("AuthFailure.SecretIdNotFound", &|call| call.given = Some(given.replace("SecretId=", "SecretId=X")));
            return copies;
        };
        let signed = signed.clone();
        let unsigned_payload = self.headers.iter().any(|(name, _)| name == "x-tc-content-sha256");
        if !unsigned_payload {
            add(wrong, &|call| call.given = Some(given.replace('}', " }")));
        }
        add(wrong, &|call| call.host.push('x'));
        add(wrong, &|call| header(call, "content-type", &|value| format!("{value}; charset=utf-8")));
        add(wrong, &|call| header(call, "x-tc-timestamp", &|value| (value.parse::<u64>().unwrap() + 1).to_string()));
        let tail = if signed.ends_with('0') { "1" } else { "0" };
        add(wrong, &|call| header(call, "authorization", &|text| format!("{}{tail}", &text[..text.len() - 1])));
        add(wrong, &|call| header(call, "authorization", &|text| text.replace("/sts/", "/cvm/")));
        add(wrong, &|call| header(call, "authorization", &|text| text.replace("/2023-11-14/", "/2023-11-15/")));
        add("AuthFailure.SecretIdNotFound", &|call| {
            header(call, "authorization", &|text| text.replace("Credential=", "Credential=X"));
        });
        add("AuthFailure.InvalidAuthorization", &|call| {
            header(call, "authorization", &|text| text.replace("content-type;host", "host"));
        });
        copies
    }

    pub(crate) fn give(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn give_policy(self, policy: &str) -> Self {
        self.give("Policy", enc(policy.as_bytes()))
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.parameters.remove(name);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(have, _)| have != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn session(mut self, response: &Value) -> Self {
        let part = |name: &str| response["Credentials"][name].as_str().unwrap().to_owned();
        (self.id, self.key, self.token) = (part("TmpSecretId"), part("TmpSecretKey"), Some(part("Token")));
        self
    }

    /// As the older helpers send it: a form.
    pub(crate) fn older(mut self, method: &'static str) -> Self {
        self.way = Way::Form(method);
        self
    }

    pub(crate) fn unsigned(mut self) -> Self {
        self.way = Way::Unsigned;
        self.header("authorization", "SKIP")
    }

    pub(crate) fn response(answer: &Answer) -> Value {
        let value: Value = serde_json::from_slice(&answer.body).unwrap();
        value["Response"].clone()
    }

    pub(crate) async fn send(&self, emulator: &Emulator) -> Answer {
        self.try_send(emulator).await.unwrap()
    }

    pub(crate) async fn try_send(&self, emulator: &Emulator) -> Result<Answer, Injected> {
        let (parts, body) = emulator.service().call(self.request()).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::post("/").header("host", &self.host);
        let body = match (&self.given, &self.way) {
            (Some(given), _) => given.clone(),
            (None, Way::Form(method)) => {
                return request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(Full::from(self.form(method)))
                    .unwrap();
            }
            (None, _) => Value::Object(self.parameters.clone()).to_string(),
        };
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if self.way == Way::Tc3 {
            let time = now();
            request = request.header("x-tc-timestamp", time).header("authorization", self.tc3(time, &body));
            if let Some(token) = &self.token {
                request = request.header("x-tc-token", token);
            }
        }
        request.body(Full::from(body)).unwrap()
    }

    fn head(&self, name: &str) -> &str {
        self.headers.iter().find(|(have, _)| have == name).map_or("", |(_, value)| value.as_str())
    }

    fn tc3(&self, time: u64, body: &str) -> String {
        let day = httpdate_day(time);
        let (kind, host) = (self.head("content-type"), &self.host);
        let payload = hex::encode(Sha256::digest(body));
        let request = format!("POST\n/\n\ncontent-type:{kind}\nhost:{host}\n\ncontent-type;host\n{payload}");
        let scope = format!("{day}/sts/tc3_request");
        let to_sign = format!("TC3-HMAC-SHA256\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(request)));
        let mut key = format!("TC3{}", self.key).into_bytes();
        for part in [day.as_str(), "sts", "tc3_request", to_sign.as_str()] {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(part.as_bytes());
            key = mac.finalize().into_bytes().to_vec();
        }
        let id = &self.id;
        let signature = hex::encode(key);
        format!("TC3-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders=content-type;host, Signature={signature}")
    }

    fn form(&self, method: &str) -> String {
        let mut form: Vec<(String, String)> = [
            ("Action", self.head("x-tc-action").to_owned()),
            ("Version", self.head("x-tc-version").to_owned()),
            ("Region", self.head("x-tc-region").to_owned()),
            ("SecretId", self.id.clone()),
            ("SignatureMethod", method.to_owned()),
            ("Nonce", "4711".to_owned()),
            ("Timestamp", now().to_string()),
            ("Token", self.token.clone().unwrap_or_default()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (name, value) in &self.parameters {
            form.push((name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        }
        form.sort();
        let pairs: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let source = format!("POST{}/?{}", self.host, pairs.join("&"));
        let signature = if method == "HmacSHA256" {
            let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).unwrap();
            mac.update(source.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        } else {
            let mut mac = Hmac::<Sha1>::new_from_slice(self.key.as_bytes()).unwrap();
            mac.update(source.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        };
        form.push(("Signature".to_owned(), signature));
        encoded(&form)
    }
}

impl Ask {
    /// Signs with a key that STS has given.
    pub(crate) fn session(mut self, response: &Value) -> Self {
        let part =
            |name: &str| response["Credentials"][name].as_str().unwrap_or_else(|| panic!("{response}")).to_owned();
        (self.id, self.key) = (part("TmpSecretId"), part("TmpSecretKey"));
        self.header("x-cos-security-token", part("Token"))
    }
}

fn encoded(form: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("{}={}", enc(name.as_bytes()), enc(value.as_bytes()));
    form.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn httpdate_day(time: u64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(i64::try_from(time).unwrap()).unwrap();
    time.date().to_string()
}
