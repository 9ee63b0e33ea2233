//! Conditions of a statement: `{"string_equal": {"cos:prefix": ["a/"]}}`.

use std::net::IpAddr;

use serde::Deserialize;

use super::{BadPolicy, Once};

/// Operators, keys and values as they are written.
pub(super) type Conditions = Once<Once<Values>>;

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Values {
    One(Value),
    Many(Vec<Value>),
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Value {
    Text(String),
    Number(serde_json::Number),
}

/// What is known of a request, by the keys that conditions use. What a request does not have is not in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts(Vec<(&'static str, String)>);

impl Facts {
    pub(crate) fn add(&mut self, key: &'static str, value: Option<impl Into<String>>) {
        self.0.extend(value.map(|value| (key, value.into())));
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| *have == key).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Address,
    Flag,
}

/// The keys that mean something here. No request ever comes from a private network.
const KEYS: [(&str, Kind); 12] = [
    ("qcs:ip", Kind::Address),
    ("qcs:vpc", Kind::Text),
    ("vpc:requester_vpc", Kind::Text),
    ("cos:secure-transport", Kind::Flag),
    ("cos:tls-version", Kind::Number),
    ("cos:x-cos-storage-class", Kind::Text),
    ("cos:versionid", Kind::Text),
    ("cos:prefix", Kind::Text),
    ("cos:x-cos-acl", Kind::Text),
    ("cos:content-length", Kind::Number),
    ("cos:content-type", Kind::Text),
    ("cos:response-content-type", Kind::Text),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Like,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

const OPERATORS: [(&str, Kind, Operator); 12] = [
    ("string_equal", Kind::Text, Operator::Equal),
    ("string_not_equal", Kind::Text, Operator::NotEqual),
    ("string_like", Kind::Text, Operator::Like),
    ("numeric_equal", Kind::Number, Operator::Equal),
    ("numeric_not_equal", Kind::Number, Operator::NotEqual),
    ("numeric_greater_than", Kind::Number, Operator::Greater),
    ("numeric_greater_than_equal", Kind::Number, Operator::GreaterOrEqual),
    ("numeric_less_than", Kind::Number, Operator::Less),
    ("numeric_less_than_equal", Kind::Number, Operator::LessOrEqual),
    ("ip_equal", Kind::Address, Operator::Equal),
    ("ip_not_equal", Kind::Address, Operator::NotEqual),
    ("bool_equal", Kind::Flag, Operator::Equal),
];

/// One operator on one key.
#[derive(Debug)]
pub(super) struct Condition {
    key: &'static str,
    operator: Operator,
    /// What the condition is worth if the request does not have the key.
    if_absent: bool,
    wanted: Vec<Wanted>,
}

#[derive(Debug)]
enum Wanted {
    Text(String),
    /// What stands between a `*` at the beginning and one at the end.
    Like {
        open: bool,
        text: String,
        on: bool,
    },
    Number(f64),
    Network(IpAddr, u8),
    Flag(bool),
}

pub(super) fn read(conditions: &Conditions) -> Result<Vec<Condition>, BadPolicy> {
    let mut read = Vec::new();
    for (written, keys) in &conditions.0 {
        let (name, if_absent) = match written.strip_suffix("_if_exist") {
            Some(name) => (name, true),
            None => (written.as_str(), false),
        };
        let Some(&(_, kind, operator)) = OPERATORS.iter().find(|(have, _, _)| *have == name) else {
            return Err(BadPolicy::format(format!("{written} is no operator")));
        };
        for (key, values) in &keys.0 {
            let Some(&(key, of)) = KEYS.iter().find(|(have, _)| have == key) else {
                return Err(BadPolicy::format(format!("there is no condition on {key}")));
            };
            if of != kind {
                return Err(BadPolicy::format(format!("{written} does not go with {key}")));
            }
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values.as_slice(),
            };
            let wanted: Option<Vec<Wanted>> = values.iter().map(|value| Wanted::read(value, kind, operator)).collect();
            let wanted = wanted.filter(|wanted| !wanted.is_empty());
            let wanted = wanted.ok_or_else(|| BadPolicy::format(format!("a value for {key} is not of its kind")))?;
            read.push(Condition { key, operator, if_absent, wanted });
        }
    }
    Ok(read)
}

impl Wanted {
    fn read(value: &Value, kind: Kind, operator: Operator) -> Option<Self> {
        match (value, kind) {
            (Value::Text(text), Kind::Text) if operator == Operator::Like => {
                let (open, text) = text.strip_prefix('*').map_or((false, text.as_str()), |rest| (true, rest));
                let (on, text) = text.strip_suffix('*').map_or((false, text), |rest| (true, rest));
                (!text.contains('*')).then(|| Self::Like { open, text: text.to_owned(), on })
            }
            (Value::Text(text), Kind::Text) => Some(Self::Text(text.clone())),
            (Value::Text(text), Kind::Number) => text.parse().ok().map(Self::Number),
            (Value::Number(number), Kind::Number) => number.as_f64().map(Self::Number),
            (Value::Text(text), Kind::Flag) => text.parse().ok().map(Self::Flag),
            (Value::Text(text), Kind::Address) => {
                let (address, bits) = text.split_once('/').map_or((text.as_str(), None), |(at, bits)| (at, Some(bits)));
                let address: IpAddr = address.parse().ok()?;
                let most = if address.is_ipv4() { 32 } else { 128 };
                let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
                (bits <= most).then_some(Self::Network(address, bits))
            }
            (Value::Number(_), _) => None,
        }
    }

    fn is(&self, have: &str, operator: Operator) -> bool {
        match self {
            Self::Text(text) => have == text,
            Self::Like { open, text, on } => match (open, on) {
                (true, true) => have.contains(text),
                (true, false) => have.ends_with(text),
                (false, true) => have.starts_with(text),
                (false, false) => have == text,
            },
            Self::Number(number) => have.parse::<f64>().is_ok_and(|have| match operator {
                Operator::Greater => have > *number,
                Operator::GreaterOrEqual => have >= *number,
                Operator::Less => have < *number,
                Operator::LessOrEqual => have <= *number,
                _ => have.total_cmp(number).is_eq(),
            }),
            Self::Network(network, bits) => have.parse().is_ok_and(|have| within(have, *network, *bits)),
            Self::Flag(flag) => have.parse() == Ok(*flag),
        }
    }
}

fn within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let beginning = |bytes: &[u8]| -> Vec<u8> {
        let mut left = u32::from(bits);
        let mut masked = Vec::with_capacity(bytes.len());
        for byte in bytes {
            let keep = left.min(8);
            masked.push(byte & u8::try_from(0xff00_u32 >> keep & 0xff).unwrap_or_default());
            left -= keep;
        }
        masked
    };
    match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => beginning(&address.octets()) == beginning(&network.octets()),
        (IpAddr::V6(address), IpAddr::V6(network)) => beginning(&address.octets()) == beginning(&network.octets()),
        _ => false,
    }
}

impl Condition {
    /// Several values are alternatives; for an operator with `not`, none of them may be it.
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        let Some(have) = facts.get(self.key) else { return self.if_absent };
        let any = self.wanted.iter().any(|wanted| wanted.is(have, self.operator));
        any != (self.operator == Operator::NotEqual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str, facts: &[(&'static str, &str)]) -> bool {
        let written: Conditions = serde_json::from_str(condition).unwrap();
        let mut known = Facts::default();
        for (key, value) in facts {
            known.add(key, Some(*value));
        }
        read(&written).unwrap().iter().all(|condition| condition.holds(&known))
    }

    #[test]
    fn every_operator_holds_and_does_not_hold() {
        for (operator, key, wanted, is, is_not) in [
            ("string_equal", "cos:prefix", r#"["a/","b/"]"#, "b/", "B/"),
            ("string_not_equal", "cos:prefix", r#"["a/","b/"]"#, "c/", "b/"),
            ("string_like", "cos:content-type", r#""image/*""#, "image/png", "text/image/"),
            ("string_like", "cos:content-type", r#""*png*""#, "image/x-png-y", "image/gif"),
            ("string_like", "cos:content-type", r#""*/png""#, "image/png", "image/pngx"),
            ("numeric_equal", "cos:content-length", "10", "10", "11"),
            ("numeric_not_equal", "cos:content-length", r#""10""#, "11", "10"),
            ("numeric_greater_than", "cos:content-length", "10", "11", "10"),
            ("numeric_greater_than_equal", "cos:content-length", "10", "10", "9"),
            ("numeric_less_than", "cos:content-length", "10", "9", "10"),
            ("numeric_less_than_equal", "cos:content-length", "5242880", "5242880", "5242881"),
            ("numeric_less_than", "cos:tls-version", "1.3", "1.2", "1.3"),
            ("ip_equal", "qcs:ip", r#"["10.1.0.0/12","::1"]"#, "10.15.255.1", "10.16.0.1"),
            ("ip_equal", "qcs:ip", r#"["10.1.0.0/12","::1"]"#, "::1", "::2"),
            ("ip_not_equal", "qcs:ip", r#""127.0.0.1""#, "127.0.0.2", "127.0.0.1"),
            ("bool_equal", "cos:secure-transport", r#""true""#, "true", "false"),
        ] {
            let condition = format!(r#"{{"{operator}":{{"{key}":{wanted}}}}}"#);
            assert!(holds(&condition, &[(key, is)]), "{condition} {is}");
            assert!(!holds(&condition, &[(key, is_not)]), "{condition} {is_not}");
            assert!(!holds(&condition, &[]), "{condition} of a request without it");
            let lenient = condition.replace(operator, &format!("{operator}_if_exist"));
            assert!(holds(&lenient, &[]) && holds(&lenient, &[(key, is)]) && !holds(&lenient, &[(key, is_not)]));
        }
    }

    #[test]
    fn conditions_are_refused_that_nobody_could_check() {
        for bad in [
            r#"{"string_matches":{"cos:prefix":"a"}}"#,
            r#"{"string_equal_if_exists":{"cos:prefix":"a"}}"#,
            r#"{"string_equal":{"cos:x-cos-mtime":"a"}}"#,
            r#"{"string_equal":{"cos:content-length":"10"}}"#,
            r#"{"numeric_equal":{"cos:content-length":"ten"}}"#,
            r#"{"string_like":{"cos:prefix":"a*b"}}"#,
            r#"{"string_equal":{"cos:prefix":5}}"#,
            r#"{"string_equal":{"cos:prefix":[]}}"#,
            r#"{"ip_equal":{"qcs:ip":"10.0.0.0/33"}}"#,
            r#"{"bool_equal":{"cos:secure-transport":"yes"}}"#,
        ] {
            let written: Conditions = serde_json::from_str(bad).unwrap();
            assert_eq!(read(&written).unwrap_err().code, "StrategyFormatError", "{bad}");
        }
        assert!(serde_json::from_str::<Conditions>(r#"{"bool_equal":{"cos:secure-transport":true}}"#).is_err());
    }
}
