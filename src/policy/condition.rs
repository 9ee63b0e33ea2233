//! When a statement holds.

use std::net::IpAddr;

use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::key::RESERVED;

/// A condition of a [`Statement`](super::Statement): an operator, a key, and values of which one must fit.
///
/// A condition on what a request does not have is not met; [`if_exist`](Self::if_exist) turns that round. Put a
/// condition only on actions whose requests have the key.
///
/// COS reference: [Condition keys](https://intl.cloud.tencent.com/document/product/436/46206)
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Condition {
    operator: String,
    key: String,
    values: Vec<Value>,
}

impl Condition {
    /// The request comes from one of these addresses, or networks like `10.0.0.0/8`.
    pub fn source_ip<T: Into<String>>(addresses: impl IntoIterator<Item = T>) -> Self {
        Self::new("ip_equal", "qcs:ip", addresses.into_iter().map(Into::into))
    }

    /// The body has at most so many bytes. For [`UploadPart`](crate::UploadPart) that is the part.
    pub fn content_length_at_most(bytes: u64) -> Self {
        Self::new("numeric_less_than_equal", "cos:content-length", [bytes])
    }

    /// The `Content-Type` is this, or like this where a `*` stands at an end: `image/*`.
    pub fn content_type(pattern: impl Into<String>) -> Self {
        let pattern = pattern.into();
        let operator = if pattern.contains('*') { "string_like" } else { "string_equal" };
        Self::new(operator, "cos:content-type", [pattern])
    }

    /// A listing asks for exactly this prefix. Give it plain: COS wants it percent-encoded in a policy, and so it is
    /// written.
    pub fn list_prefix(prefix: impl AsRef<str>) -> Self {
        // A parameter stands in a policy as it stands in the URL.
        let encoded = utf8_percent_encode(prefix.as_ref(), RESERVED).to_string();
        Self::new("string_equal", "cos:prefix", [encoded])
    }

    /// The request comes over https.
    pub fn secure_transport() -> Self {
        Self::new("bool_equal", "cos:secure-transport", ["true"])
    }

    /// Any other: an operator like `string_equal`, a key like `cos:x-cos-storage-class`, and values, numbers or
    /// strings. Those of a parameter (`cos:prefix`, `cos:response-content-type`) are percent-encoded: `image%2Fjpeg`.
    ///
    /// # Examples
    /// ```
    /// use tencent_cos::policy::Condition;
    ///
    /// let class = Condition::new("string_equal", "cos:x-cos-storage-class", ["STANDARD", "STANDARD_IA"]);
    /// let larger = Condition::new("numeric_greater_than", "cos:content-length", [1024]);
    /// # let _ = (class, larger);
    /// ```
    pub fn new<V: Into<ConditionValue>>(
        operator: impl Into<String>,
        key: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let values = values.into_iter().map(|value| value.into().0).collect();
        Self { operator: operator.into(), key: key.into(), values }
    }

    /// It is met, too, by requests that do not have the key.
    pub fn if_exist(mut self) -> Self {
        if !self.operator.ends_with(IF_EXIST) {
            self.operator.push_str(IF_EXIST);
        }
        self
    }

    /// Operator, key and value as they stand in the document, or why nothing ever meets it.
    pub(super) fn write(self) -> Result<(String, String, Value), String> {
        let name = self.operator.strip_suffix(IF_EXIST).unwrap_or(&self.operator);
        if !OPERATORS.contains(&name) {
            return Err(format!("has a condition with an operator that COS does not have: {:?}", self.operator));
        }
        let values = Value::Array(self.values.clone());
        if let Some(why) = unmet(&self.operator, &self.key, &values) {
            return Err(why.to_owned());
        }
        let mut values = self.values;
        let value = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
        Ok((self.operator, self.key, value))
    }
}

/// A value of a [`Condition`]: made of text, a number, or `true` and `false`.
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionValue(Value);

impl From<&str> for ConditionValue {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for ConditionValue {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<u64> for ConditionValue {
    fn from(number: u64) -> Self {
        Self(number.into())
    }
}

impl From<f64> for ConditionValue {
    fn from(number: f64) -> Self {
        Self(number.into())
    }
}

impl From<bool> for ConditionValue {
    fn from(truth: bool) -> Self {
        Self(truth.into())
    }
}

const IF_EXIST: &str = "_if_exist";

const OPERATORS: [&str; 12] = [
    "string_equal",
    "string_not_equal",
    "string_like",
    "numeric_equal",
    "numeric_not_equal",
    "numeric_greater_than",
    "numeric_greater_than_equal",
    "numeric_less_than",
    "numeric_less_than_equal",
    "ip_equal",
    "ip_not_equal",
    "bool_equal",
];

/// Why nothing meets what stands in a document, if so. Operators are for CAM to know: it has more than are built here.
pub(super) fn unmet(operator: &str, key: &str, value: &Value) -> Option<&'static str> {
    let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let plain = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    if operator.is_empty() || key.is_empty() || values.is_empty() || !values.iter().all(plain) {
        return Some("has a condition without an operator, a key or a value");
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let fits = |text: String| match operator.strip_suffix(IF_EXIST).unwrap_or(operator) {
        "ip_equal" | "ip_not_equal" => is_network(&text),
        "bool_equal" => matches!(&*text, "true" | "false"),
        "string_like" => {
            let inner = text.strip_prefix('*').unwrap_or(&text);
            !inner.strip_suffix('*').unwrap_or(inner).contains('*')
        }
        name if name.starts_with("numeric_") => text.parse().is_ok_and(f64::is_finite),
        _ => true,
    };
    let fit = values.iter().map(text).all(fits);
    (!fit).then_some("has a condition with a value that its operator does not take")
}

/// An address, or one with the length of a prefix.
fn is_network(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let longest = if address.is_ipv4() { 32 } else { 128 };
    // Rust reads `+8` as a number as well.
    let digits = |bits: &str| bits.bytes().all(|byte| byte.is_ascii_digit());
    bits.is_none_or(|bits| digits(bits) && bits.parse::<u8>().is_ok_and(|bits| bits <= longest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Policy, Resource, Statement};
    use super::*;

    fn statement() -> Statement {
        Statement::allow(&Resource::everything()).action("name/cos:PutObject")
    }

    fn condition(statement: Statement) -> Value {
        let json = Policy::new().statement(statement).to_json().unwrap();
        serde_json::from_str::<Value>(&json).unwrap()["statement"][0]["condition"].clone()
    }

    /// The condition of the vendor's demo for uploads from a browser, and that of its example for addresses.
    #[test]
    fn conditions_are_written_as_in_the_documents() {
        let demo = statement()
            .when(Condition::content_type("image/*").if_exist())
            .when(Condition::content_length_at_most(5_242_880));
        assert_eq!(
            condition(demo),
            json!({
                "string_like_if_exist": {"cos:content-type": "image/*"},
                "numeric_less_than_equal": {"cos:content-length": 5_242_880},
            })
        );
        let addresses = ["192.168.1.0/24", "101.226.100.185", "101.226.100.186"];
        assert_eq!(
            condition(statement().when(Condition::source_ip(addresses))),
            json!({"ip_equal": {"qcs:ip": addresses}})
        );
        // "If the value of `prefix` contains special characters such as `/`, the value must be URL-encoded before being
        // written into the bucket policy." Nothing in it is a variable then.
        assert_eq!(
            condition(statement().when(Condition::list_prefix("u/${uin}/目 录-_.~*"))),
            json!({"string_equal": {"cos:prefix": "u%2F%24%7Buin%7D%2F%E7%9B%AE%20%E5%BD%95-_.~%2A"}})
        );
        let more = statement()
            .when(Condition::list_prefix("folder1"))
            .when(Condition::content_type("image/jpeg"))
            .when(Condition::secure_transport())
            .when(Condition::new("string_not_equal", "cos:x-cos-storage-class", ["ARCHIVE", "DEEP_ARCHIVE"]));
        assert_eq!(
            condition(more),
            json!({
                "string_equal": {"cos:prefix": "folder1", "cos:content-type": "image/jpeg"},
                "bool_equal": {"cos:secure-transport": "true"},
                "string_not_equal": {"cos:x-cos-storage-class": ["ARCHIVE", "DEEP_ARCHIVE"]},
            })
        );
    }

    #[test]
    fn conditions_that_nothing_meets_are_refused() {
        for bad in [
            Condition::source_ip(["10.0.0.0/33"]),
            Condition::source_ip(["localhost"]),
            Condition::source_ip([""; 0]),
            Condition::content_type("a*b"),
            Condition::new("string_equals", "cos:prefix", ["a"]),
            Condition::new("string_equal", "", ["a"]),
            Condition::new("numeric_equal", "cos:content-length", [f64::NAN]),
            Condition::new("ip_not_equal", "qcs:ip", ["nowhere"]),
            Condition::source_ip(["10.0.0.0/+8"]),
            Condition::new("numeric_less_than_equal", "cos:content-length", ["5 MiB"]),
            Condition::new("numeric_equal", "cos:content-length", ["NaN"]),
            Condition::new("bool_equal", "cos:secure-transport", ["yes"]),
            Condition::new("string_like", "cos:content-type", ["image/*", "a*b"]).if_exist(),
        ] {
            let error = Policy::new().statement(statement().when(bad)).to_json().unwrap_err();
            assert_eq!(error.field(), Some("policy"), "{error}");
        }
        let twice = statement().when(Condition::content_type("a/b")).when(Condition::content_type("c/d"));
        assert!(Policy::new().statement(twice).to_json().unwrap_err().to_string().contains("two conditions"));
    }
}
