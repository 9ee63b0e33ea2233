//! The policy of a form: until when it may be posted, and what its fields must be.

use std::ops::RangeInclusive;
use std::time::SystemTime;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::form::Form;
use crate::error::CosError;
use crate::ids::unix_seconds;

#[derive(Debug)]
pub(super) struct PostPolicy {
    /// Seconds since 1970.
    expiration: u64,
    fields: Vec<Wanted>,
    sizes: RangeInclusive<u64>,
}

/// What one field must be.
#[derive(Debug)]
struct Wanted {
    name: String,
    exact: bool,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    expiration: String,
    conditions: Vec<Value>,
}

/// Without these anybody could sign a policy for anything.
const MANDATORY: [&str; 3] = ["q-sign-algorithm", "q-ak", "q-sign-time"];

/// Fields that need not match whole.
const PREFIXED: [&str; 8] = [
    "acl",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-type",
    "expires",
    "key",
    "success_action_redirect",
];

pub(super) fn invalid(message: &str) -> CosError {
    CosError::new(400, "InvalidPolicyDocument", message.to_owned())
}

impl PostPolicy {
    pub(super) fn parse(text: &str) -> Result<Self, CosError> {
        let written: Written =
            serde_json::from_str(text).map_err(|error| invalid(&format!("The policy cannot be read: {error}.")))?;
        let expiration = OffsetDateTime::parse(&written.expiration, &Rfc3339).ok();
        let expiration = expiration.filter(|_| written.expiration.ends_with('Z'));
        let expiration = expiration.and_then(|time| u64::try_from(time.unix_timestamp()).ok());
        let expiration =
            expiration.ok_or_else(|| invalid("The expiration is no time such as 2019-08-30T09:38:12.414Z."))?;
        if written.conditions.is_empty() {
            return Err(invalid("You must provide condition if you specify a policy in post object request."));
        }
        let mut policy = Self { expiration, fields: Vec::new(), sizes: 0..=u64::MAX };
        for condition in &written.conditions {
            policy.add(condition)?;
        }
        for name in MANDATORY {
            if !policy.fields.iter().any(|field| field.name == name) {
                return Err(invalid(&format!("The policy has no condition on {name}.")));
            }
        }
        Ok(policy)
    }

    fn add(&mut self, condition: &Value) -> Result<(), CosError> {
        let bad = || invalid(&format!("The condition {condition} is none."));
        let (name, exact, value) = match condition {
            Value::Object(pair) if pair.len() == 1 => {
                let (name, value) = pair.iter().next().ok_or_else(bad)?;
                (name.as_str(), true, value)
            }
            Value::Array(three) => match three.as_slice() {
                [Value::String(range), least, most] if range == "content-length-range" => {
                    let (least, most) = least.as_u64().zip(most.as_u64()).ok_or_else(bad)?;
                    if least > most {
                        return Err(bad());
                    }
                    self.sizes = least.max(*self.sizes.start())..=most.min(*self.sizes.end());
                    return Ok(());
                }
                [Value::String(operator), Value::String(field), value] => {
                    let exact = match operator.as_str() {
                        "eq" => true,
                        "starts-with" => false,
                        _ => return Err(bad()),
                    };
                    (field.strip_prefix('$').ok_or_else(bad)?, exact, value)
                }
                _ => return Err(bad()),
            },
            _ => return Err(bad()),
        };
        let (name, value) = (name.to_ascii_lowercase(), value.as_str().ok_or_else(bad)?.to_owned());
        let prefixed = PREFIXED.contains(&name.as_str()) || name.starts_with("x-cos-meta-");
        let whole = MANDATORY.contains(&name.as_str())
            || ["bucket", "success_action_status"].contains(&name.as_str())
            || name.starts_with("x-cos-");
        if !(prefixed || whole && exact) {
            return Err(bad());
        }
        self.fields.push(Wanted { name, exact, value });
        Ok(())
    }

    pub(super) fn check_time(&self, now: SystemTime) -> Result<(), CosError> {
        let now = unix_seconds(now);
        if now <= self.expiration {
            return Ok(());
        }
        let message = format!(
            "You post object request has been expired, expiration time: {} but the time now : {now}",
            self.expiration
        );
        Err(CosError::new(403, "AccessDenied", message))
    }

    /// Compares the fields, and says how large the file may be. `key` is the one after `${filename}` was filled in.
    pub(super) fn check(&self, form: &Form, bucket: &str, key: &str) -> Result<RangeInclusive<u64>, CosError> {
        for Wanted { name, exact, value } in &self.fields {
            let have = match name.as_str() {
                "bucket" => Some(bucket),
                "key" => Some(key),
                "q-sign-time" => form.get("q-key-time"),
                name => form.get(name),
            };
            let holds = have.is_some_and(|have| if *exact { have == value } else { have.starts_with(value) });
            if !holds {
                let have = have.unwrap_or_default();
                let message = format!("Condition key {name} doesn't match the value {have}");
                return Err(CosError::new(403, "AccessDenied", message));
            }
        }
        Ok(self.sizes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = r#"{"q-sign-algorithm":"sha1"},{"q-ak":"AKID"},{"q-sign-time":"1;2"}"#;

    fn parse(expiration: &str, conditions: &str) -> Result<PostPolicy, CosError> {
        PostPolicy::parse(&format!(r#"{{"expiration":"{expiration}","conditions":[{conditions}]}}"#))
    }

    #[test]
    fn conditions_are_read_in_both_forms() {
        let more = r#"["eq","$key","a"],["starts-with","$Content-Type",""],["content-length-range",1,10]"#;
        let policy = parse("2019-08-30T09:38:12.414Z", &format!("{SIGNED},{more}")).unwrap();
        assert_eq!((policy.expiration, policy.sizes.clone()), (1_567_157_892, 1..=10));
        let names: Vec<(&str, bool)> = policy.fields.iter().map(|field| (field.name.as_str(), field.exact)).collect();
        assert_eq!(names[3..], [("key", true), ("content-type", false)]);
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        let time = "2019-08-30T09:38:12Z";
        assert!(parse(time, SIGNED).is_ok());
        for condition in [
            r#"["starts-with","$bucket","b"]"#,
            r#"["starts-with","$success_action_status","2"]"#,
            r#"["starts-with","$x-cos-storage-class","S"]"#,
            r#"["starts-with","$q-ak","AKID"]"#,
            r#"["eq","key","a"]"#,
            r#"["ends-with","$key","a"]"#,
            r#"["eq","$key",5]"#,
            r#"["eq","$key"]"#,
            r#"{"key":"a","acl":"b"}"#,
            r#"{"colour":"red"}"#,
            r#"["content-length-range",10,1]"#,
            r#"["content-length-range","1","10"]"#,
            "5",
        ] {
            let refused = parse(time, &format!("{SIGNED},{condition}")).unwrap_err();
            assert_eq!(refused.code, "InvalidPolicyDocument", "{condition}");
        }
        for time in ["2019-08-30", "2019-08-30T09:38:12+08:00", "1567157892"] {
            assert_eq!(parse(time, SIGNED).unwrap_err().code, "InvalidPolicyDocument", "{time}");
        }
        assert!(parse(time, "").unwrap_err().message.starts_with("You must provide condition"));
        for missing in MANDATORY {
            let less: Vec<&str> = SIGNED.split(',').filter(|condition| !condition.contains(missing)).collect();
            assert_eq!(parse(time, &less.join(",")).unwrap_err().code, "InvalidPolicyDocument", "{missing}");
        }
    }
}
