use std::ops::RangeInclusive;

use super::headers::{HEADERS, OriginHeaders};
use super::host::{HOST, OriginHost};
use super::{RULE, whole};
use crate::bucket::setting::sift;
use crate::error::{Error, Result};
use crate::name::display_name;
use crate::xml::{Element, Unknown};

/// One rule of an [`OriginConfiguration`](crate::OriginConfiguration): for what, where to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginRule {
    /// In which order rules are asked (`RulePriority`).
    pub priority: u32,
    /// What COS does.
    pub origin_type: OriginType,
    /// The status of the error that it is for (`HTTPStatusCode`): 404, or for a redirect from 400 to 599.
    pub status_code: Option<u16>,
    /// What the keys begin with that it is for.
    pub prefix: Option<String>,
    /// What the keys end with that it is for.
    pub suffix: Option<String>,
    /// How the origin is asked.
    pub protocol: Option<OriginProtocol>,
    /// Whether an error of the origin is handed on with its status (`TransparentErrorCode`).
    pub transparent_error_code: Option<bool>,
    /// Whether the parameters of the request go to the origin. COS takes no value as yes.
    pub follow_query_string: Option<bool>,
    /// Which headers go to the origin.
    pub http_header: Option<OriginHeaders>,
    /// Whether COS itself goes where the origin redirects to (`FollowRedirection`). COS takes no value as yes.
    pub follow_redirection: Option<bool>,
    /// The status of the redirect: 301, 302 or 307. COS takes no value as 302.
    pub http_redirect_code: Option<u16>,
    /// The origins: one, or for [`OriginType::Mirror`] up to ten.
    pub hosts: Vec<OriginHost>,
    /// What is put before the key at the origin (`PrefixConfiguration`).
    pub file_prefix: Option<String>,
    /// What is put behind the key at the origin (`SuffixConfiguration`).
    pub file_suffix: Option<String>,
    /// What the origin is asked for in place of the key (`FixedFilePath`).
    pub fixed_file: Option<String>,
    unknown: Parts,
}

/// What is not known of a rule and of each of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Parts {
    rule: Unknown,
    condition: Unknown,
    parameter: Unknown,
    info: Unknown,
    file: Unknown,
}

/// What COS does about an object that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OriginType {
    /// Gets it from the origin, hands it on and stores it.
    Mirror,
    /// Sends the visitor to the origin, gets it meanwhile and stores it.
    Proxy,
    /// Sends the visitor to the origin.
    Redirect,
}

impl OriginType {
    /// As COS writes it: `Mirror`, `Proxy` or `Redirect`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mirror => "Mirror",
            Self::Proxy => "Proxy",
            Self::Redirect => "Redirect",
        }
    }

    /// The errors that a rule can be for.
    fn statuses(self) -> RangeInclusive<u16> {
        match self {
            Self::Mirror | Self::Proxy => 404..=404,
            Self::Redirect => 400..=599,
        }
    }
}

display_name!(OriginType);

/// How an origin is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OriginProtocol {
    /// Over http.
    Http,
    /// Over https.
    Https,
    /// Over what the request came by. COS takes no value as this.
    Follow,
}

impl OriginProtocol {
    /// As COS writes it: `HTTP`, `HTTPS` or `FOLLOW`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Follow => "FOLLOW",
        }
    }
}

display_name!(OriginProtocol);

impl OriginRule {
    fn new(priority: u32, origin_type: OriginType, status_code: u16, hosts: Vec<OriginHost>) -> Self {
        Self { status_code: Some(status_code), hosts, ..Self::empty(priority, origin_type) }
    }

    fn empty(priority: u32, origin_type: OriginType) -> Self {
        Self {
            priority,
            origin_type,
            status_code: None,
            prefix: None,
            suffix: None,
            protocol: None,
            transparent_error_code: None,
            follow_query_string: None,
            http_header: None,
            follow_redirection: None,
            http_redirect_code: None,
            hosts: Vec::new(),
            file_prefix: None,
            file_suffix: None,
            fixed_file: None,
            unknown: Parts::default(),
        }
    }

    /// Gets what is not there from one of these, by their weights, and stores it.
    pub fn mirror(priority: u32, hosts: impl IntoIterator<Item = OriginHost>) -> Self {
        Self::new(priority, OriginType::Mirror, 404, hosts.into_iter().collect())
    }

    /// Sends who asks for what is not there to this host, and stores it meanwhile.
    pub fn proxy(priority: u32, host: impl Into<String>) -> Self {
        Self::new(priority, OriginType::Proxy, 404, vec![OriginHost::new(host)])
    }

    /// Sends who would get an error with this status, from 400 to 599, to this host.
    pub fn redirect(priority: u32, status_code: u16, host: impl Into<String>) -> Self {
        Self::new(priority, OriginType::Redirect, status_code, vec![OriginHost::new(host)])
    }

    /// `Prefix`: for keys that begin with this.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// `Suffix`: for keys that end so.
    #[must_use]
    pub fn suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = Some(suffix.into());
        self
    }

    /// `Protocol`.
    #[must_use]
    pub fn protocol(mut self, protocol: OriginProtocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// `TransparentErrorCode`.
    #[must_use]
    pub fn transparent_error_code(mut self, transparent: bool) -> Self {
        self.transparent_error_code = Some(transparent);
        self
    }

    /// `FollowQueryString`.
    #[must_use]
    pub fn follow_query_string(mut self, follow: bool) -> Self {
        self.follow_query_string = Some(follow);
        self
    }

    /// `HttpHeader`.
    #[must_use]
    pub fn http_header(mut self, headers: OriginHeaders) -> Self {
        self.http_header = Some(headers);
        self
    }

    /// `FollowRedirection`.
    #[must_use]
    pub fn follow_redirection(mut self, follow: bool) -> Self {
        self.follow_redirection = Some(follow);
        self
    }

    /// `HttpRedirectCode`: 301, 302 or 307.
    #[must_use]
    pub fn http_redirect_code(mut self, code: u16) -> Self {
        self.http_redirect_code = Some(code);
        self
    }

    /// `PrefixConfiguration`: what is put before the key.
    #[must_use]
    pub fn file_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.file_prefix = Some(prefix.into());
        self
    }

    /// `SuffixConfiguration`: what is put behind the key.
    #[must_use]
    pub fn file_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.file_suffix = Some(suffix.into());
        self
    }

    /// `FixedFilePath`: what is asked for in place of the key.
    #[must_use]
    pub fn fixed_file(mut self, path: impl Into<String>) -> Self {
        self.fixed_file = Some(path.into());
        self
    }

    /// Names of what was read in the rule, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let Parts { rule, condition, parameter, info, file } = &self.unknown;
        [rule, condition, parameter, info, file].into_iter().flat_map(Unknown::names)
    }

    /// `None` for one of no type that is known: it is kept as a whole.
    pub(super) fn read(element: &Element) -> Option<Self> {
        let (unknown, [priority, kind, condition, parameter, info]) =
            sift(element, PARTS, |name, part| [PARTS[0], PARTS[1]].contains(&name) || part.has_no_text());
        let kinds = [OriginType::Mirror, OriginType::Proxy, OriginType::Redirect];
        let kind = kinds.into_iter().find(|known| kind.as_ref().and_then(Element::text) == Some(known.as_str()));
        let mut rule = Self::empty(whole(&priority?)?, kind?);
        rule.unknown.rule = unknown;
        if let Some(condition) = condition {
            rule.take_condition(&condition);
        }
        if let Some(parameter) = parameter {
            rule.take_parameter(&parameter);
        }
        if let Some(info) = info {
            rule.take_info(info);
        }
        Some(rule)
    }

    fn take_condition(&mut self, part: &Element) {
        let statuses = self.origin_type.statuses();
        let known = |name: &str, leaf: &Element| match name {
            CODE => whole(leaf).is_some_and(|code: u16| statuses.contains(&code)),
            _ => leaf.text().is_some(),
        };
        let (unknown, [code, prefix, suffix]) = sift(part, IN_CONDITION, known);
        self.unknown.condition = unknown;
        self.status_code = code.as_ref().and_then(whole);
        (self.prefix, self.suffix) = (text(prefix.as_ref()), text(suffix.as_ref()));
    }

    fn take_parameter(&mut self, part: &Element) {
        let protocols = [OriginProtocol::Http, OriginProtocol::Https, OriginProtocol::Follow];
        let protocol = |leaf: &Element| protocols.into_iter().find(|known| leaf.text() == Some(known.as_str()));
        let known = |name: &str, leaf: &Element| match name {
            PROTOCOL => protocol(leaf).is_some(),
            REDIRECT_CODE => whole(leaf).is_some_and(|code: u16| REDIRECTS.contains(&code)),
            HEADERS => leaf.has_no_text(),
            _ => leaf.flag().is_some(),
        };
        let (unknown, [how, transparent, query, headers, redirection, code]) = sift(part, IN_PARAMETER, known);
        self.unknown.parameter = unknown;
        self.protocol = how.as_ref().and_then(protocol);
        let flag = |leaf: Option<Element>| leaf.and_then(|leaf| leaf.flag());
        self.transparent_error_code = flag(transparent);
        (self.follow_query_string, self.follow_redirection) = (flag(query), flag(redirection));
        self.http_header = headers.as_ref().map(OriginHeaders::read);
        self.http_redirect_code = code.as_ref().and_then(whole);
    }

    fn take_info(&mut self, mut part: Element) {
        self.unknown.info = part.take_unknown();
        let repeated = part.repeated(&[FILE]);
        for child in part.children {
            let known = match child.name.as_str() {
                HOST => OriginHost::read(child.clone()).map(|host| self.hosts.push(host)).is_some(),
                FILE if repeated.is_empty() && child.has_no_text() => {
                    self.take_file(&child);
                    true
                }
                _ => false,
            };
            if !known {
                self.unknown.info.push(child);
            }
        }
    }

    fn take_file(&mut self, part: &Element) {
        let inner = |name: &str| IN_FILE.iter().find(|(outer, _)| *outer == name).map_or("", |(_, inner)| inner);
        let read = |part: &Element| match part.texts([inner(&part.name)])? {
            [Some(text)] if !text.is_empty() => Some(text.to_owned()),
            _ => None,
        };
        let (unknown, [fixed, prefix, suffix]) =
            sift(part, IN_FILE.map(|(outer, _)| outer), |_, part| read(part).is_some());
        self.unknown.file = unknown;
        self.fixed_file = fixed.as_ref().and_then(read);
        self.file_prefix = prefix.as_ref().and_then(read);
        self.file_suffix = suffix.as_ref().and_then(read);
    }

    pub(super) fn write(&self) -> Result<Element> {
        let refuse = |field, why: &'static str| Err(Error::input(field, why));
        let Parts { rule, condition, info, .. } = &self.unknown;
        match self.status_code {
            None if !condition.has(CODE) && !rule.has(CONDITION) => return refuse("status_code", "is not there"),
            Some(code) if !self.origin_type.statuses().contains(&code) => {
                return refuse("status_code", "is not 404, or for a rule that redirects not from 400 to 599");
            }
            _ => {}
        }
        if self.http_redirect_code.is_some_and(|code| !REDIRECTS.contains(&code)) {
            return refuse("http_redirect_code", "is not 301, 302 or 307");
        }
        let texts = [&self.prefix, &self.suffix, &self.file_prefix, &self.file_suffix, &self.fixed_file];
        if texts.into_iter().any(|text| text.as_deref() == Some("")) {
            return refuse("rules", "have one with an empty prefix, suffix or path");
        }
        if self.hosts.is_empty() && !info.has(HOST) && !rule.has(INFO) {
            return refuse("hosts", "are none");
        }
        let most = if self.origin_type == OriginType::Mirror { OriginHost::MAX } else { 1 };
        if self.hosts.len() > most {
            return refuse("hosts", "are more than one, or for a rule that mirrors ten");
        }
        let hosts = self.hosts.iter().map(OriginHost::write).collect::<Result<Vec<_>>>()?;
        let headers = self.http_header.as_ref().map(OriginHeaders::write).transpose()?;
        self.document(hosts, headers)
            .ok_or_else(|| Error::input("origin", "has a part twice, once with a value that is not known"))
    }

    fn document(&self, hosts: Vec<Element>, headers: Option<Element>) -> Option<Element> {
        let Parts { rule: unknown, condition, parameter, info, file } = &self.unknown;
        let flag = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        let condition = Element::new(CONDITION)
            .leaf_opt(CODE, self.status_code.map(|code| code.to_string()))
            .leaf_opt("Prefix", self.prefix.as_deref())
            .leaf_opt("Suffix", self.suffix.as_deref())
            .with_unknown(condition, &IN_CONDITION)?;
        let asked = Element::new(PARAMETER)
            .leaf_opt(PROTOCOL, self.protocol.map(OriginProtocol::as_str))
            .leaf_opt("TransparentErrorCode", flag(self.transparent_error_code))
            .leaf_opt("FollowQueryString", flag(self.follow_query_string));
        let asked = headers.into_iter().fold(asked, Element::child);
        let asked = asked
            .leaf_opt("FollowRedirection", flag(self.follow_redirection))
            .leaf_opt(REDIRECT_CODE, self.http_redirect_code.map(|code| code.to_string()))
            .with_unknown(parameter, &IN_PARAMETER)?;
        let texts = [&self.fixed_file, &self.file_prefix, &self.file_suffix];
        let files =
            IN_FILE.into_iter().zip(texts).fold(Element::new(FILE), |files, ((outer, inner), text)| match text {
                Some(text) => files.child(Element::new(outer).leaf(inner, text.as_str())),
                None => files,
            });
        let files = files.with_unknown(file, &IN_FILE.map(|(outer, _)| outer))?;
        let mut within = hosts.into_iter().fold(Element::new(INFO), Element::child);
        if files != Element::new(FILE) {
            within = within.child(files);
        }
        let within = within.with_unknown(info, &[FILE])?;
        let mut rule = Element::new(RULE).leaf(PARTS[0], self.priority.to_string());
        rule = rule.leaf(PARTS[1], self.origin_type.as_str());
        // What COS asks for is there even if nothing is said in it, but not beside one that was not understood.
        for part in [condition, asked, within] {
            if part != Element::new(part.name.as_str()) || !unknown.has(&part.name) {
                rule = rule.child(part);
            }
        }
        rule.with_unknown(unknown, &PARTS)
    }
}

const CONDITION: &str = "OriginCondition";
const PARAMETER: &str = "OriginParameter";
const INFO: &str = "OriginInfo";
const CODE: &str = "HTTPStatusCode";
const PROTOCOL: &str = "Protocol";
const REDIRECT_CODE: &str = "HttpRedirectCode";
const FILE: &str = "FileInfo";

/// What is in a rule, and in its parts, once at most.
const PARTS: [&str; 5] = ["RulePriority", "OriginType", CONDITION, PARAMETER, INFO];
const IN_CONDITION: [&str; 3] = [CODE, "Prefix", "Suffix"];
const IN_PARAMETER: [&str; 6] =
    [PROTOCOL, "TransparentErrorCode", "FollowQueryString", HEADERS, "FollowRedirection", REDIRECT_CODE];
const IN_FILE: [(&str, &str); 3] =
    [("FixedFileConfiguration", "FixedFilePath"), ("PrefixConfiguration", "Prefix"), ("SuffixConfiguration", "Suffix")];

const REDIRECTS: [u16; 3] = [301, 302, 307];

fn text(leaf: Option<&Element>) -> Option<String> {
    leaf.and_then(Element::text).map(str::to_owned)
}
