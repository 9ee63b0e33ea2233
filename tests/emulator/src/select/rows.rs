//! Records, whatever they are written in: what they hold, which are selected, how they are written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::csv::Style;
use super::sql::{Comparison, Condition, Operand, Path};
use crate::error::CosError;

/// Members in their order.
pub(super) struct Row(pub(super) Vec<(String, Value)>);

#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    /// JSON as it came.
    Json(Box<RawValue>),
}

impl Value {
    pub(super) fn of_number(number: u64) -> Self {
        RawValue::from_string(number.to_string()).map_or_else(|_| Self::Text(number.to_string()), Self::Json)
    }

    /// As a field of CSV: a text without its quotes, `null` as nothing.
    fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Json(raw) => match serde_json::from_str(raw.get()) {
                Ok(serde_json::Value::String(text)) => text,
                Ok(serde_json::Value::Null) => String::new(),
                _ => raw.get().to_owned(),
            },
        }
    }

    fn json(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Json(raw) => raw.get().to_owned(),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Row {
    pub(super) fn of_json(text: &str) -> Result<Self, CosError> {
        let wrong = |_| CosError::new(400, "JSONParsingError", "Encountered an error parsing the JSON file");
        let Members(members) = serde_json::from_str(text).map_err(wrong)?;
        Ok(Self(members.into_iter().map(|(name, raw)| (name, Value::Json(raw))).collect()))
    }

    /// What is there; nothing if it is not.
    pub(super) fn get(&self, path: &Path) -> Result<Option<Value>, CosError> {
        let Some((first, inner)) = path.split_first() else { return Ok(None) };
        let mut found = self.0.iter().filter(|(name, _)| first.is(name)).map(|(_, value)| value);
        let (Some(value), more) = (found.next(), found.next()) else { return Ok(None) };
        if more.is_some() {
            let message = "Field name matches to multiple fields in the file";
            return Err(CosError::new(400, "AmbiguousFieldName", message));
        }
        match value {
            _ if inner.is_empty() => Ok(Some(value.clone())),
            Value::Json(raw) if raw.get().starts_with('{') => Self::of_json(raw.get())?.get(&inner.to_vec()),
            _ => Ok(None),
        }
    }

    pub(super) fn write_csv(&self, style: &Style, into: &mut String) {
        let fields: Vec<String> = self.0.iter().map(|(_, value)| value.plain()).collect();
        style.write(&fields, into);
    }

    pub(super) fn write_json(&self, delimiter: &str, into: &mut String) {
        let members = self.0.iter().map(|(name, value)| format!("{}:{}", quoted(name), value.json()));
        into.push('{');
        into.push_str(&members.collect::<Vec<_>>().join(","));
        into.push('}');
        into.push_str(delimiter);
    }
}

/// What a record has there.
pub(super) type Column<'r> = &'r dyn Fn(&Path) -> Result<Option<Value>, CosError>;

impl Condition {
    pub(super) fn holds(&self, column: Column<'_>) -> Result<bool, CosError> {
        match self {
            Self::All(all) => all.iter().try_fold(true, |holds, one| Ok(holds && one.holds(column)?)),
            Self::Any(any) => any.iter().try_fold(false, |holds, one| Ok(holds || one.holds(column)?)),
            Self::Not(inner) => Ok(!inner.holds(column)?),
            Self::Compare(left, comparison, right) => {
                let (left, right) = (left.of(column)?, right.of(column)?);
                // What is not there is neither equal nor unequal to anything.
                let (Some(left), Some(right)) = (left, right) else { return Ok(false) };
                compare(&left, *comparison, &right)
            }
        }
    }
}

enum Compared {
    Text(String),
    Number(f64),
}

impl Operand {
    fn of(&self, column: Column<'_>) -> Result<Option<Compared>, CosError> {
        Ok(match self {
            Self::Text(text) => Some(Compared::Text(text.clone())),
            Self::Number(number) => Some(Compared::Number(*number)),
            Self::Column(path) => match column(path)? {
                None => None,
                Some(Value::Json(raw)) if raw.get() == "null" => None,
                Some(Value::Json(raw)) if raw.get().parse::<f64>().is_ok() => {
                    raw.get().parse().ok().map(Compared::Number)
                }
                Some(value) => Some(Compared::Text(value.plain())),
            },
        })
    }
}

/// A text beside a number is read as one (inferred, as the reference compares columns of CSV with numbers).
fn compare(left: &Compared, comparison: Comparison, right: &Compared) -> Result<bool, CosError> {
    let failed = || CosError::new(400, "ComparisonFailed", "Attempt to compare failed");
    let number = |side: &Compared| match side {
        Compared::Number(number) => Ok(*number),
        Compared::Text(text) => text.trim().parse::<f64>().map_err(|_| failed()),
    };
    let order = match (left, right) {
        (Compared::Text(left), Compared::Text(right)) if comparison == Comparison::Like => {
            return Ok(like(left, right));
        }
        (Compared::Text(left), Compared::Text(right)) => left.cmp(right),
        _ if comparison == Comparison::Like => return Err(failed()),
        _ => number(left)?.partial_cmp(&number(right)?).ok_or_else(failed)?,
    };
    Ok(match comparison {
        Comparison::Equal | Comparison::Like => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

/// `%` is any text, `_` any character.
fn like(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    // What the last `%` has not taken, and what comes after it.
    let mut last = None;
    loop {
        let (mut next_text, mut next_pattern) = (text.clone(), pattern.clone());
        match (next_pattern.next(), next_text.next()) {
            (Some('%'), _) => {
                pattern = next_pattern;
                last = Some((text.clone(), pattern.clone()));
                continue;
            }
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == '_' || wanted == found => {
                (text, pattern) = (next_text, next_pattern);
                continue;
            }
            _ => {}
        }
        let Some((left, after)) = &mut last else { return false };
        if left.next().is_none() {
            return false;
        }
        (text, pattern) = (left.clone(), after.clone());
    }
}

struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_sql() {
        for (text, pattern) in
            [("abc", "abc"), ("abc", "a%"), ("abc", "%c"), ("abc", "a_c"), ("", "%"), ("aXbXc", "a%b%c")]
        {
            assert!(like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("abc", "ab"), ("abc", "_"), ("", "_"), ("abc", "%d"), ("ABC", "abc")] {
            assert!(!like(text, pattern), "{text} {pattern}");
        }
        // In time, and without depth.
        let (long, pattern) = ("a".repeat(200_000), "%a".repeat(50));
        assert!(like(&long, &pattern) && like(&long, &long) && !like(&long, &(pattern + "b")));
    }
}
