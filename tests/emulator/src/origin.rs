//! Where a bucket sends requests that it cannot serve itself. Rules that redirect are followed; of those that fetch from
//! the origin, `Mirror` and `Proxy`, the document is kept and nothing is fetched.

use http::StatusCode;

use crate::encoding::{encode_path, number};
use crate::error::CosError;
use crate::respond::Reply;
use crate::service::Call;
use crate::settings::children;
use crate::store::Setting;
use crate::xml::{Element, parse};

pub(crate) fn unset() -> CosError {
    CosError::new(404, "OriginConfigurationNotFoundError", "The origin configuration does not exist.")
}

pub(crate) fn check(root: &Element) -> Result<(), CosError> {
    let rules = read(root).ok_or_else(CosError::malformed_xml)?;
    if rules.iter().any(|rule| rule.kind == Kind::Redirect && rule.file.replaces) {
        return Err(CosError::not_implemented("redirects that replace a part of the key"));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mirror,
    Proxy,
    Redirect,
}

struct Rule<'d> {
    priority: u32,
    kind: Kind,
    status: u16,
    prefix: &'d str,
    suffix: &'d str,
    forbidden_hosts: Vec<&'d str>,
    /// `FOLLOW` is what the request came by.
    protocol: &'d str,
    with_query: bool,
    code: StatusCode,
    host: &'d str,
    file: File<'d>,
}

/// What is asked for at the origin.
#[derive(Default)]
struct File<'d> {
    fixed: Option<&'d str>,
    prefix: &'d str,
    suffix: &'d str,
    /// Whether a part of the key is replaced, which the reference does not explain.
    replaces: bool,
}

/// In the order in which they are asked: the lowest number first (inferred).
fn read(root: &Element) -> Option<Vec<Rule<'_>>> {
    let rules = root.has_only(&["OriginRule"]).then(|| root.children().iter().map(Rule::read));
    let mut rules = rules?.collect::<Option<Vec<_>>>().filter(|rules| !rules.is_empty())?;
    rules.sort_by_key(|rule| rule.priority);
    Some(rules)
}

impl<'d> Rule<'d> {
    fn read(rule: &'d Element) -> Option<Self> {
        let names =
            ["RulePriority", "OriginType", "OriginCondition", "OriginParameter", "OriginInfo", "HTTPStandbyCode"];
        let [priority, kind, condition, parameter, info, standby] = children(rule, names)?;
        let kind = match kind?.text.as_str() {
            "Mirror" => Kind::Mirror,
            "Proxy" => Kind::Proxy,
            "Redirect" => Kind::Redirect,
            _ => return None,
        };
        let [status, prefix, suffix, filter] =
            children(condition?, ["HTTPStatusCode", "Prefix", "Suffix", "FilterHost"])?;
        let status = number(&status?.text)?;
        let fitting = if kind == Kind::Redirect { 400..600 } else { 404..405 };
        if !fitting.contains(&status) || standby.is_some_and(|codes| !codes.has_only(&["StatusCode"])) {
            return None;
        }
        let parameter = parameter?;
        let [protocol, transparent, query, header, follow, followed, code, copy] = children(
            parameter,
            [
                "Protocol",
                "TransparentErrorCode",
                "FollowQueryString",
                "HttpHeader",
                "FollowRedirection",
                "FollowRedirectionConfiguration",
                // The reference says that a rule to mirror must not have it, and gives one that has.
                "HttpRedirectCode",
                "CopyOriginData",
            ],
        )?;
        for switch in [transparent, follow, copy] {
            flag(switch)?;
        }
        if let Some(followed) = followed {
            let switches = children(followed, ["FollowOriginHeaders", "FollowUrlAutoDecode"])?;
            switches.into_iter().try_for_each(|switch| flag(switch).map(drop))?;
        }
        header.map_or(Some(()), check_header)?;
        let (host, file) = read_info(info?, kind)?;
        Some(Self {
            priority: number(&priority?.text)?,
            kind,
            status,
            prefix: text(prefix),
            suffix: text(suffix),
            forbidden_hosts: filter.map_or(Some(Vec::new()), forbidden)?,
            protocol: Some(text(protocol)).filter(|name| ["", "HTTP", "HTTPS", "FOLLOW"].contains(name))?,
            with_query: flag(query)?.unwrap_or(true),
            code: match text(code) {
                "301" => StatusCode::MOVED_PERMANENTLY,
                "" | "302" => StatusCode::FOUND,
                "307" => StatusCode::TEMPORARY_REDIRECT,
                _ => return None,
            },
            host,
            file,
        })
    }

    fn is_for(&self, status: StatusCode, key: &str, host: &str) -> bool {
        self.kind == Kind::Redirect
            && self.status == status.as_u16()
            && key.starts_with(self.prefix)
            && key.ends_with(self.suffix)
            && !self.forbidden_hosts.iter().any(|forbidden| forbidden.eq_ignore_ascii_case(host))
    }

    fn location(&self, call: &Call<'_>, key: &str) -> String {
        let scheme = match self.protocol {
            "HTTP" => "http",
            "HTTPS" => "https",
            _ if call.peer.tls.is_some() => "https",
            _ => "http",
        };
        let File { fixed, prefix, suffix, .. } = &self.file;
        let path =
            fixed.map_or_else(|| format!("{prefix}{key}{suffix}"), |path| path.trim_start_matches('/').to_owned());
        let query = call.head.target.split_once('?').filter(|_| self.with_query);
        let query = query.map_or_else(String::new, |(_, query)| format!("?{query}"));
        format!("{scheme}://{}/{}{query}", self.host, encode_path(path.as_bytes()))
    }
}

/// The host of a rule that redirects, and what is asked of it.
fn read_info(info: &Element, kind: Kind) -> Option<(&str, File<'_>)> {
    const MOST: usize = 10;
    if !info.has_only(&["HostInfo", "FileInfo"]) || info.all("FileInfo").count() > 1 {
        return None;
    }
    let hosts: Vec<&Element> = info.all("HostInfo").collect();
    let most = if kind == Kind::Mirror { MOST } else { 1 };
    if !(1..=most).contains(&hosts.len()) {
        return None;
    }
    for host in &hosts {
        for part in host.children() {
            let numbered = |stem: &str| {
                let place: Option<usize> = part.name.strip_prefix(stem).and_then(number);
                place.is_some_and(|place| (1..=MOST).contains(&place))
            };
            let known = match part.name.as_str() {
                "HostName" => is_host(&part.text),
                "Weight" => number::<u32>(&part.text).is_some(),
                "PrivateHost" => is_private(part),
                _ if numbered("StandbyHostName_") => is_host(&part.text),
                _ if numbered("PrivateStandbyHost_") => is_private(part),
                _ => false,
            };
            if !known || host.all(&part.name).count() > 1 {
                return None;
            }
        }
        // A rule that redirects says where to.
        if host.child("HostName").is_none() && (kind == Kind::Redirect || host.child("PrivateHost").is_none()) {
            return None;
        }
    }
    let file = info.child("FileInfo").map_or(Some(File::default()), read_file)?;
    Some((hosts[0].text_of("HostName").unwrap_or_default(), file))
}

fn read_file(file: &Element) -> Option<File<'_>> {
    let names =
        ["FixedFileConfiguration", "PrefixConfiguration", "SuffixConfiguration", "Prefix", "Suffix", "PrefixDirective"];
    let [fixed, prefix, suffix, old_prefix, old_suffix, directive] = children(file, names)?;
    flag(directive)?;
    let [path] = fixed.map_or(Some([None]), |fixed| children(fixed, ["FixedFilePath"]))?;
    let [prefix, new_prefix] =
        prefix.map_or(Some([None; 2]), |part| children(part, ["Prefix", "ReplacedWithPrefix"]))?;
    let [suffix, new_suffix] =
        suffix.map_or(Some([None; 2]), |part| children(part, ["Suffix", "ReplacedWithSuffix"]))?;
    Some(File {
        fixed: path.map(|path| path.text.as_str()).filter(|path| !path.is_empty()),
        prefix: text(prefix.or(old_prefix)),
        suffix: text(suffix.or(old_suffix)),
        replaces: new_prefix.is_some() || new_suffix.is_some(),
    })
}

fn check_header(header: &Element) -> Option<()> {
    const MOST: usize = 10;
    // The SDK for Go writes the last one, which the reference calls `ForbidFollowHeaders`.
    let names =
        ["FollowAllHeaders", "NewHttpHeaders", "FollowHttpHeaders", "ForbidFollowHeaders", "ForbidFollowHttpHeaders"];
    let [all, new, lists @ ..] = children(header, names)?;
    flag(all)?;
    for (list, has_value) in
        new.into_iter().map(|new| (new, true)).chain(lists.into_iter().flatten().map(|list| (list, false)))
    {
        if !list.has_only(&["Header"]) || (has_value && list.children().len() > MOST) {
            return None;
        }
        for one in list.children() {
            let [key, value] = children(one, ["Key", "Value"])?;
            if text(key).is_empty() || (value.is_some() && !has_value) {
                return None;
            }
        }
    }
    Some(())
}

fn forbidden(filter: &Element) -> Option<Vec<&str>> {
    let [forbidden] = children(filter, ["ForbidHost"])?;
    let [list] = children(forbidden?, ["DomainList"])?;
    let list = list.filter(|list| list.has_only(&["Domain"]))?;
    Some(list.children().iter().map(|domain| domain.text.as_str()).collect())
}

fn is_private(host: &Element) -> bool {
    let parts = children(host, ["Host", "CredentialProvider"]);
    let known = ["AuthorizationAlgorithm", "Region", "SecretId", "SecretKey", "EncryptedSecretKey", "Role"];
    parts.is_some_and(|[host, provider]| {
        is_host(text(host)) && provider.is_some_and(|provider| provider.has_only(&known))
    })
}

/// A name or an address, maybe with a port.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}

fn text(leaf: Option<&Element>) -> &str {
    leaf.map_or("", |leaf| &leaf.text)
}

/// Nothing is a value that is not known.
#[allow(clippy::option_option)]
fn flag(leaf: Option<&Element>) -> Option<Option<bool>> {
    match text(leaf) {
        "" => Some(None),
        "true" => Some(Some(true)),
        "false" => Some(Some(false)),
        _ => None,
    }
}

/// What GET and HEAD of an object answer in the end: where a rule redirects, that. Requests whose signature is wrong, and
/// websites, are not redirected (inferred).
pub(crate) fn redirect(call: &Call<'_>, found: Result<Reply, CosError>) -> Result<Reply, CosError> {
    let Err(error) = &found else { return found };
    let (bucket, key) = (call.bucket()?, call.key()?);
    let Some(document) = bucket.setting(Setting::Origin) else { return found };
    let root = parse(document.as_bytes());
    let rules = root.as_ref().and_then(read).unwrap_or_default();
    let host = crate::address::without_port(&call.head.host);
    let Some(rule) = rules.iter().find(|rule| rule.is_for(error.status, key, host)) else { return found };
    let mut reply = Reply::new(rule.code);
    reply.set("location", rule.location(call, key));
    Ok(reply)
}
