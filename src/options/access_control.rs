use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;

use crate::answer::{header_text, request_id};
use crate::error::Result;
use crate::options::acl::Acl;
use crate::xml;

/// Who may do what with an object or a bucket, as [`GetObjectAcl`](crate::GetObjectAcl) and
/// [`GetBucketAcl`](crate::GetBucketAcl) tell it.
///
/// COS reference: [ACL overview](https://cloud.tencent.com/document/product/436/30752)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessControl {
    /// Whom it belongs to: that account may do everything, whatever the grants say.
    pub owner: Account,
    /// Who may do what, in the order of the answer. A canned ACL is told as the grants it stands for.
    pub grants: Vec<Grant>,
    /// `x-cos-acl`, when COS tells it: `default` of an object that has no ACL of its own.
    pub canned: Option<String>,
    request_id: String,
}

impl AccessControl {
    /// Reads an answer with an `AccessControlPolicy`.
    pub(crate) fn read(response: Response<Bytes>) -> Result<Self> {
        let (head, body) = response.into_parts();
        let request_id = request_id(&head.headers);
        let policy: Policy = xml::read("AccessControlPolicy", head.status.as_u16(), &request_id, &body)?;
        Ok(Self {
            owner: policy.owner.into_account(),
            grants: policy.list.grants().collect(),
            canned: header_text(&head.headers, "x-cos-acl").map(xml::short).filter(|name| !name.is_empty()),
            request_id,
        })
    }

    /// Whether the object has no ACL of its own. What may be done with it is then told by those of the directories it
    /// is in, if there are any (of `a/b/c` the objects `a/b/` and `a/`), and by [`GetBucketAcl`](crate::GetBucketAcl).
    pub fn is_inherited(&self) -> bool {
        self.canned.as_deref() == Some("default")
    }

    /// Whether anybody may read, without a key. Of an object that [has no ACL of its own](Self::is_inherited) this is
    /// not told here.
    pub fn is_public_read(&self) -> bool {
        self.is_canned(&["public-read", "public-read-write"]) || self.lets_anybody(&Permission::READ)
    }

    /// Whether anybody may write, without a key.
    pub fn is_public_write(&self) -> bool {
        self.is_canned(&["public-read-write"]) || self.lets_anybody(&Permission::WRITE)
    }

    fn is_canned(&self, names: &[&str]) -> bool {
        self.canned.as_deref().is_some_and(|canned| names.contains(&canned))
    }

    fn lets_anybody(&self, permission: &Permission) -> bool {
        let gives = |given: &Permission| given == permission || *given == Permission::FULL_CONTROL;
        self.grants.iter().any(|grant| grant.grantee.is_anybody() && gives(&grant.permission))
    }

    /// The ACL that says the same, for a copy, or for what takes the place of an object: neither brings the ACL along.
    /// `None` when there is a grant that no [`Acl`] gives: to a group what is not in a canned ACL, or of a kind that is
    /// not known here.
    ///
    /// # Examples
    /// ```no_run
    /// use tencent_cos::{GetObjectAcl, ObjectKey, PutObject};
    ///
    /// # async fn example(bucket: tencent_cos::Bucket, key: ObjectKey) -> tencent_cos::Result<()> {
    /// let access = bucket.send(GetObjectAcl::new(key.clone())).await?;
    /// let mut put = PutObject::new(key, "new bytes, for the same people");
    /// if let Some(acl) = access.to_acl() {
    ///     put = put.acl(acl);
    /// }
    /// bucket.send(put).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_acl(&self) -> Option<Acl> {
        if self.is_inherited() {
            return Some(Acl::inherited());
        }
        let (mut anybody_reads, mut anybody_writes, mut users_read) = (false, false, false);
        let mut accounts = Vec::new();
        for Grant { grantee, permission } in &self.grants {
            match grantee {
                Grantee::Account(account) if account.id == self.owner.id => {}
                grantee if grantee.is_anybody() => match permission.as_str() {
                    "READ" => anybody_reads = true,
                    "WRITE" => anybody_writes = true,
                    "FULL_CONTROL" => (anybody_reads, anybody_writes) = (true, true),
                    _ => return None,
                },
                Grantee::Account(account) => accounts.push((permission, account.id.as_str())),
                Grantee::Group(uri) if uri == Grantee::AUTHENTICATED_USERS && *permission == Permission::READ => {
                    users_read = true;
                }
                Grantee::Group(_) | Grantee::Other(_) => return None,
            }
        }
        let acl = match (&self.canned, anybody_reads, anybody_writes) {
            (Some(name), ..) => Acl::canned(name.clone()),
            (None, true, true) => Acl::public_read_write(),
            (None, true, false) => Acl::public_read(),
            (None, false, true) => return None,
            (None, false, false) if users_read => Acl::authenticated_read(),
            (None, false, false) => Acl::private(),
        };
        accounts.into_iter().try_fold(acl, |acl, (permission, id)| match permission.as_str() {
            "READ" => Some(acl.grant_read(id)),
            "WRITE" => Some(acl.grant_write(id)),
            "READ_ACP" => Some(acl.grant_read_acp(id)),
            "WRITE_ACP" => Some(acl.grant_write_acp(id)),
            "FULL_CONTROL" => Some(acl.grant_full_control(id)),
            _ => None,
        })
    }

    /// `x-cos-request-id`.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// Somebody, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Who may.
    pub grantee: Grantee,
    /// What they may.
    pub permission: Permission,
}

/// Who is granted something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grantee {
    /// An account.
    Account(Account),
    /// A group, by its URI: [`ALL_USERS`](Self::ALL_USERS) or [`AUTHENTICATED_USERS`](Self::AUTHENTICATED_USERS).
    Group(String),
    /// Somebody of a kind that is not known here, by its name (`xsi:type`).
    Other(String),
}

impl Grantee {
    /// The group of everybody, with a key or without.
    pub const ALL_USERS: &'static str = "http://cam.qcloud.com/groups/global/AllUsers";
    /// The group of everybody with an account.
    pub const AUTHENTICATED_USERS: &'static str = "http://cam.qcloud.com/groups/global/AuthenticatedUsers";

    /// Whether that is everybody, with a key or without.
    pub fn is_anybody(&self) -> bool {
        match self {
            Self::Account(account) => account.id == "qcs::cam::anyone:anyone", // in older lists
            Self::Group(uri) => uri == Self::ALL_USERS,
            Self::Other(_) => false,
        }
    }
}

/// An account, or a user of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// `qcs::cam::uin/100000000001:uin/100000000001`: behind the first `uin/` the account, behind the second its user,
    /// or the account again. The setters of [`Acl`](crate::Acl) take it as it is.
    pub id: String,
    /// Its name; often the id again, or empty.
    pub display_name: String,
}

/// What is granted. The set is open: COS may add to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Permission(Cow<'static, str>);

impl Permission {
    /// `READ`: reads the object, or lists the bucket, or reads what is in the directory.
    pub const READ: Self = Self(Cow::Borrowed("READ"));
    /// `WRITE`: writes and deletes the objects of the bucket, or of the directory.
    pub const WRITE: Self = Self(Cow::Borrowed("WRITE"));
    /// `READ_ACP`: reads the ACL.
    pub const READ_ACP: Self = Self(Cow::Borrowed("READ_ACP"));
    /// `WRITE_ACP`: writes the ACL.
    pub const WRITE_ACP: Self = Self(Cow::Borrowed("WRITE_ACP"));
    /// `FULL_CONTROL`: all of these.
    pub const FULL_CONTROL: Self = Self(Cow::Borrowed("FULL_CONTROL"));

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that came with an answer may hold anything: what a terminal would obey is written escaped.
impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_debug().fmt(f)
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Deserialize)]
struct Policy {
    #[serde(rename = "Owner", default)]
    owner: Person,
    #[serde(rename = "AccessControlList", default)]
    list: List,
}

#[derive(Default, Deserialize)]
struct List {
    #[serde(rename = "$value", default)]
    elements: Vec<Element>,
}

#[derive(Deserialize)]
enum Element {
    Grant(Entry),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "Grantee", default)]
    grantee: Person,
    #[serde(rename = "Permission", default)]
    permission: String,
}

/// An owner or a grantee; older answers say `uin` and `Subaccount`.
#[derive(Default, Deserialize)]
struct Person {
    #[serde(rename = "@type", alias = "@xsi:type", default)]
    kind: String,
    #[serde(rename = "URI", default)]
    uri: String,
    #[serde(rename = "ID", default)]
    id: String,
    #[serde(rename = "DisplayName", default)]
    display_name: String,
    #[serde(default)]
    uin: String,
    #[serde(rename = "Subaccount", default)]
    subaccount: String,
}

impl List {
    fn grants(self) -> impl Iterator<Item = Grant> {
        self.elements.into_iter().filter_map(|element| match element {
            Element::Grant(Entry { grantee, permission }) => {
                Some(Grant { grantee: grantee.into_grantee(), permission: Permission(word(permission).into()) })
            }
            Element::Other => None,
        })
    }
}

/// A name without what a document is laid out with.
fn word(text: impl AsRef<str>) -> String {
    text.as_ref().trim().to_owned()
}

impl Person {
    /// What is there decides; the kind has had several names.
    fn into_grantee(self) -> Grantee {
        let (uri, kind) = (word(self.uri.as_str()), word(self.kind.as_str()));
        if !uri.is_empty() {
            return Grantee::Group(uri);
        }
        let account = self.into_account();
        if account.id.is_empty() { Grantee::Other(kind) } else { Grantee::Account(account) }
    }

    fn into_account(self) -> Account {
        let id = match (self.id.trim(), self.uin.trim(), self.subaccount.trim()) {
            ("", "", sub) => sub.to_owned(),
            ("", uin, "") => format!("qcs::cam::uin/{uin}:uin/{uin}"),
            ("", uin, sub) => format!("qcs::cam::uin/{uin}:uin/{sub}"),
            (id, ..) => id.to_owned(),
        };
        Account { id, display_name: self.display_name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn read(list: &str) -> AccessControl {
        let xml = format!("<AccessControlPolicy>{list}</AccessControlPolicy>");
        AccessControl::read(Response::new(xml.into())).unwrap()
    }

    fn of_grants(grants: &[(&str, &str)]) -> AccessControl {
        let grants = grants.iter().map(|(grantee, permission)| {
            format!("<Grant><Grantee {grantee}</Grantee><Permission>{permission}</Permission></Grant>")
        });
        read(&format!("<AccessControlList>{}</AccessControlList>", grants.collect::<String>()))
    }

    fn account(id: &str) -> Grantee {
        Grantee::Account(Account { id: id.to_owned(), display_name: String::new() })
    }

    #[test]
    fn a_golden_answer() {
        let xml = include_str!("../../tests/golden/xml/acl.xml");
        let response = Response::builder().header("x-cos-request-id", "NjQ").body(Bytes::from(xml)).unwrap();
        let access = AccessControl::read(response).unwrap();
        let id = "qcs::cam::uin/100000000001:uin/100000000001";
        let owner = Account { id: id.to_owned(), display_name: id.to_owned() };
        assert_eq!(access.owner, owner);
        let everybody = Grantee::Group("http://cam.qcloud.com/groups/global/AllUsers".to_owned());
        assert_eq!(
            access.grants,
            [
                Grant { grantee: everybody, permission: Permission::READ },
                Grant { grantee: Grantee::Account(owner), permission: Permission::FULL_CONTROL },
            ]
        );
        assert_eq!((access.canned.as_deref(), access.request_id()), (None, "NjQ"));
        assert!(access.is_public_read() && !access.is_public_write() && !access.is_inherited());
    }

    #[test]
    fn who_is_granted_is_read_by_what_is_there() {
        let access = of_grants(&[
            ("xsi:type=\"RootAccount\"><uin>1</uin>", "READ"),
            ("xsi:type=\"SubAccount\"><uin>1</uin><Subaccount>2</Subaccount>", "WRITE"),
            ("type=\"RootAccount\"><Subaccount>3</Subaccount>", "READ_ACP"),
            ("><URI>http://cam.qcloud.com/groups/global/AuthenticatedUsers</URI><DisplayName/>", "WRITE_ACP"),
            ("xmlns:x=\"y\" x:type=\"Federation\"><Domain>d</Domain>", "LIST"),
            (">", ""),
        ]);
        let grantees: Vec<_> = access.grants.iter().map(|grant| grant.grantee.clone()).collect();
        assert_eq!(
            grantees,
            [
                account("qcs::cam::uin/1:uin/1"),
                account("qcs::cam::uin/1:uin/2"),
                account("3"),
                Grantee::Group(Grantee::AUTHENTICATED_USERS.to_owned()),
                Grantee::Other("Federation".to_owned()),
                Grantee::Other(String::new()),
            ]
        );
        let permissions: Vec<_> = access.grants.iter().map(|grant| grant.permission.as_str()).collect();
        assert_eq!(permissions, ["READ", "WRITE", "READ_ACP", "WRITE_ACP", "LIST", ""]);
        assert!(!access.is_public_read() && !access.is_public_write());
    }

    #[test]
    fn anybody_has_two_names_and_full_control_is_everything() {
        let everybody = format!("xsi:type=\"Group\"><URI>{}</URI>", Grantee::ALL_USERS);
        let anyone = "xsi:type=\"CanonicalUser\"><ID>qcs::cam::anyone:anyone</ID>";
        for grantee in [everybody.as_str(), anyone] {
            for (permission, reads, writes) in [
                ("READ", true, false),
                ("WRITE", false, true),
                ("FULL_CONTROL", true, true),
                ("READ_ACP", false, false),
                ("read", false, false),
            ] {
                let access = of_grants(&[(grantee, permission)]);
                assert_eq!((access.is_public_read(), access.is_public_write()), (reads, writes), "{permission}");
            }
        }
    }

    #[test]
    fn a_document_may_be_laid_out_in_any_way() {
        let everybody = format!(">\n  <URI>\n    {}\n  </URI>\n", Grantee::ALL_USERS);
        for grantee in [everybody.as_str(), "> <ID> qcs::cam::anyone:anyone </ID> "] {
            let access = of_grants(&[(grantee, "\n  FULL_CONTROL\n")]);
            assert!(access.is_public_read() && access.is_public_write(), "{grantee}");
            assert_eq!(access.grants[0].permission, Permission::FULL_CONTROL);
        }
        let access = of_grants(&[("type=\" Federation \">\n", "READ"), ("> <uin> 1 </uin>\n<Subaccount/> ", "READ")]);
        assert_eq!(access.grants[0].grantee, Grantee::Other("Federation".to_owned()));
        assert_eq!(access.grants[1].grantee, account("qcs::cam::uin/1:uin/1"));
        assert_eq!(read("<Owner><ID>\n1\n</ID></Owner>").owner.id, "1");
    }

    #[test]
    fn the_header_tells_what_the_list_does_not() {
        for (canned, inherited, reads, writes) in [
            ("default", true, false, false),
            ("public-read", false, true, false),
            ("public-read-write", false, true, true),
            ("private", false, false, false),
        ] {
            let xml = Bytes::from("<AccessControlPolicy><AccessControlList/></AccessControlPolicy>");
            let access =
                AccessControl::read(Response::builder().header("x-cos-acl", canned).body(xml).unwrap()).unwrap();
            assert_eq!(access.canned.as_deref(), Some(canned));
            let told = (access.is_inherited(), access.is_public_read(), access.is_public_write());
            assert_eq!(told, (inherited, reads, writes), "{canned}");
        }
    }

    #[test]
    fn an_acl_says_what_was_read_or_there_is_none() {
        let everybody = format!(">\n<URI>{}</URI>", Grantee::ALL_USERS);
        let users = format!("><URI>{}</URI>", Grantee::AUTHENTICATED_USERS);
        let (owner, other) = ("><ID>1</ID>", "><ID>2</ID>");
        let read = |grants: &[(&str, &str)]| {
            let mut access = of_grants(grants);
            access.owner.id = "1".to_owned();
            access
        };
        let acl = |grants: &[(&str, &str)]| read(grants).to_acl();
        assert_eq!(acl(&[(owner, "FULL_CONTROL")]), Some(Acl::private()));
        assert_eq!(acl(&[(owner, "FULL_CONTROL"), (&everybody, "READ")]), Some(Acl::public_read()));
        assert_eq!(acl(&[(&everybody, "READ"), (&everybody, "WRITE")]), Some(Acl::public_read_write()));
        assert_eq!(acl(&[(&users, "READ")]), Some(Acl::authenticated_read()));
        assert_eq!(acl(&[(&users, "READ"), (&everybody, "READ")]), Some(Acl::public_read()));
        assert_eq!(
            acl(&[(other, "READ"), (other, "WRITE"), (other, "READ_ACP"), (other, "WRITE_ACP"), (owner, "READ")]),
            Some(Acl::private().grant_read("2").grant_write("2").grant_read_acp("2").grant_write_acp("2"))
        );
        assert_eq!(
            acl(&[(&everybody, "READ"), (other, "FULL_CONTROL")]),
            Some(Acl::public_read().grant_full_control("2"))
        );
        for grant in
            [(&*everybody, "WRITE"), (&everybody, "READ_ACP"), (&users, "WRITE"), (other, "LIST"), (">", "READ")]
        {
            assert_eq!(acl(&[grant]), None, "{grant:?}");
        }
        let mut told = read(&[(owner, "FULL_CONTROL")]);
        told.canned = Some("default".to_owned());
        assert_eq!(told.to_acl(), Some(Acl::inherited()));
        told.canned = Some("bucket-owner-read".to_owned());
        assert_eq!(told.to_acl(), Some(Acl::bucket_owner_read()));
    }

    #[test]
    fn what_is_odd_is_passed_over_and_what_is_none_is_refused() {
        let odd = "<X/><AccessControlList><X/><Grant/><Y>z</Y><Grant><Permission>READ</Permission></Grant>\
                   </AccessControlList>";
        assert_eq!(read(odd).grants.len(), 2);
        assert_eq!(read(""), AccessControl::default());
        let many = "<Grant/>".repeat(70_000);
        for xml in ["<Other/>", "<AccessControlPolicy>", &format!("<AccessControlPolicy>{many}</AccessControlPolicy>")]
        {
            let error = AccessControl::read(Response::new(Bytes::from(xml.to_owned()))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response);
        }
        let shown = format!("{:?} {}", of_grants(&[(">", "\u{9b}[31m")]).grants, Permission("\u{9b}".into()));
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}
