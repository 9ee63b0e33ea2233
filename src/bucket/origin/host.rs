use std::collections::BTreeMap;

use super::whole;
use crate::error::{Error, Result};
use crate::xml::{Element, Unknown};

/// One origin of an [`OriginRule`](crate::OriginRule).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginHost {
    /// Its name or address (`HostName`).
    pub name: String,
    /// How much of what is asked for it gets, beside the others.
    pub weight: Option<u32>,
    /// Who is asked when it fails, in this order, up to ten (`StandbyHostName_1` and on).
    pub standby: Vec<String>,
    unknown: Unknown,
}

impl OriginHost {
    /// The most hosts of a rule, and the most that stand by for one.
    pub const MAX: usize = 10;

    /// By its name or address.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// `Weight`.
    #[must_use]
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = Some(weight);
        self
    }

    /// One more `StandbyHostName`.
    #[must_use]
    pub fn standby(mut self, name: impl Into<String>) -> Self {
        self.standby.push(name.into());
        self
    }

    /// Names of what was read in it, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.names()
    }

    /// `None` for one without a name: it is kept as a whole.
    pub(super) fn read(mut element: Element) -> Option<Self> {
        let mut host = Self { unknown: element.take_unknown(), ..Self::default() };
        let mut standby = BTreeMap::new();
        let mut times = BTreeMap::new();
        for child in &element.children {
            *times.entry(child.name.clone()).or_insert(0) += 1;
        }
        for child in element.children {
            let once = times[&child.name] == 1;
            match child.name.as_str() {
                NAME => child.text().filter(|name| once && is_host(name))?.clone_into(&mut host.name),
                WEIGHT if once && whole::<u32>(&child).is_some() => host.weight = whole(&child),
                _ => match standby_place(&child).filter(|_| once) {
                    Some(place) => drop(standby.insert(place, child)),
                    None => host.unknown.push(child),
                },
            }
        }
        let in_order = standby.keys().copied().eq(1..=standby.len());
        for child in standby.into_values() {
            match child.text() {
                Some(name) if in_order => host.standby.push(name.to_owned()),
                _ => host.unknown.push(child),
            }
        }
        (!host.name.is_empty()).then_some(host)
    }

    pub(super) fn write(&self) -> Result<Element> {
        if !is_host(&self.name) || !self.standby.iter().all(|name| is_host(name)) {
            return Err(Error::input("hosts", "have one that is empty, or has a blank or a slash"));
        }
        if self.standby.len() > Self::MAX {
            return Err(Error::input("hosts", "have one for which more than ten stand by"));
        }
        let mut host = Element::new(HOST).leaf(NAME, self.name.as_str());
        host = host.leaf_opt(WEIGHT, self.weight.map(|weight| weight.to_string()));
        let mut once = vec![NAME.to_owned(), WEIGHT.to_owned()];
        for (name, place) in self.standby.iter().zip(1..) {
            once.push(format!("{STANDBY}{place}"));
            host = host.leaf(&format!("{STANDBY}{place}"), name.as_str());
        }
        let once: Vec<&str> = once.iter().map(String::as_str).collect();
        let written = host.with_unknown(&self.unknown, &once);
        written.ok_or_else(|| Error::input("hosts", "have a part twice, once with a value that is not known"))
    }
}

pub(super) const HOST: &str = "HostInfo";
const NAME: &str = "HostName";
const WEIGHT: &str = "Weight";
const STANDBY: &str = "StandbyHostName_";

fn is_host(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/')
}

/// Which of those that stand by it is, if it is spelled as it would be written.
fn standby_place(host: &Element) -> Option<usize> {
    let place = host.name.strip_prefix(STANDBY)?.parse().ok()?;
    (host.text().is_some_and(is_host) && host.name == format!("{STANDBY}{place}")).then_some(place)
}
