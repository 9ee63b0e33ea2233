//! What an action is given: values of JSON, or fields of a form.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Refusal;

#[derive(Debug)]
pub(super) struct Parameters(BTreeMap<String, Given>);

#[derive(Debug)]
enum Given {
    Json(Value),
    /// An empty field counts as none, as the official helpers send some.
    Field(String),
}

impl Parameters {
    pub(super) fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        let values: BTreeMap<String, Value> = serde_json::from_slice(body)
            .map_err(|error| Refusal::new("InvalidParameter", format!("The body is no JSON object: {error}.")))?;
        let given = values.into_iter().filter(|(_, value)| !value.is_null());
        Ok(Self(given.map(|(name, value)| (name, Given::Json(value))).collect()))
    }

    pub(super) fn from_form<'f>(fields: impl Iterator<Item = &'f (String, String)>) -> Self {
        let given = fields.filter(|(_, value)| !value.is_empty());
        Self(given.map(|(name, value)| (name.clone(), Given::Field(value.clone()))).collect())
    }

    /// Names and values for the journal.
    pub(super) fn to_text(&self) -> Vec<(String, String)> {
        let text = |given: &Given| match given {
            Given::Field(text) | Given::Json(Value::String(text)) => text.clone(),
            Given::Json(value) => value.to_string(),
        };
        self.0.iter().map(|(name, given)| (name.clone(), text(given))).collect()
    }

    /// Refuses what the action does not know. A list in a form has names such as `Tags.0.Key`.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        let beginning = |name: &'_ str| name.split('.').next().unwrap_or_default().to_owned();
        match self.0.keys().find(|name| !known.contains(&beginning(name).as_str())) {
            Some(name) => Err(Refusal::new("UnknownParameter", format!("The parameter {name} is not known."))),
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Given::Field(text) | Given::Json(Value::String(text))) => Ok(Some(text)),
            Some(Given::Json(_)) => Err(Refusal::new("InvalidParameter", format!("{name} is no text."))),
        }
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::new("MissingParameter", format!("The parameter {name} is missing."));
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(missing)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let number = match self.0.get(name) {
            None => return Ok(None),
            Some(Given::Json(value)) => value.as_u64(),
            Some(Given::Field(text)) => text.parse().ok(),
        };
        number.map(Some).ok_or_else(|| Refusal::new("InvalidParameter", format!("{name} is no number.")))
    }

    /// Keys and values of the parameter `Tags`.
    pub(super) fn tags(&self) -> Result<Vec<(String, String)>, Refusal> {
        let bad = || Refusal::new("InvalidParameter", "Tags is no list of Key and Value.");
        if let Some(Given::Json(tags)) = self.0.get("Tags") {
            let tag =
                |tag: &Value| Some((tag.get("Key")?.as_str()?.to_owned(), tag.get("Value")?.as_str()?.to_owned()));
            return tags.as_array().ok_or_else(bad)?.iter().map(|one| tag(one).ok_or_else(bad)).collect();
        }
        let keys = self.0.keys().filter_map(|name| name.strip_prefix("Tags.")?.strip_suffix(".Key"));
        keys.map(|at| {
            Ok((
                self.required(&format!("Tags.{at}.Key"))?.to_owned(),
                self.required(&format!("Tags.{at}.Value"))?.to_owned(),
            ))
        })
        .collect()
    }
}
