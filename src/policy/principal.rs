//! Whom a statement of a bucket policy is about.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Whom a [`Statement`](super::Statement) of a [`BucketPolicy`](super::BucketPolicy) is about: an account, a user or a
/// role of one, or everybody.
///
/// COS reference: [Elements of a bucket policy](https://cloud.tencent.com/document/product/436/18023)
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal(String);

impl Principal {
    /// Everybody: `qcs::cam::anyone:anyone`. What is allowed to everybody needs no key. What is denied to everybody is
    /// denied to requests without a key alone; those with one are judged by what else is said of them.
    pub fn anyone() -> Self {
        Self(format!("{CAM}{ANYONE}"))
    }

    /// An account, by its uin: `qcs::cam::uin/100000000001:uin/100000000001`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `uin` when that is not digits.
    pub fn account(uin: impl AsRef<str>) -> Result<Self> {
        let uin = digits("uin", uin.as_ref())?;
        Ok(Self(format!("{CAM}uin/{uin}:uin/{uin}")))
    }

    /// A user (sub-account) of an account, by the uin of each: `qcs::cam::uin/100000000001:uin/100000000011`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `owner` or `uin` when that is not digits.
    pub fn user(owner: impl AsRef<str>, uin: impl AsRef<str>) -> Result<Self> {
        let (owner, uin) = (digits("owner", owner.as_ref())?, digits("uin", uin.as_ref())?);
        Ok(Self(format!("{CAM}uin/{owner}:uin/{uin}")))
    }

    /// Any other, as CAM writes it, for instance a role: `qcs::cam::uin/100000000001:roleName/uploader`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `principal` when it is not of the form
    /// `qcs::cam::uin/OWNER:KIND/NAME`, `qcs::cam::uin/OWNER:root`, `qcs::cam::anyone:anyone` or
    /// `qcs::cam::anonymous:anonymous`.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let known = text.strip_prefix(CAM).is_some_and(|rest| match rest {
            ANYONE | ANONYMOUS => true,
            rest => rest.strip_prefix("uin/").and_then(|rest| rest.split_once(':')).is_some_and(of_account),
        });
        if known { Ok(Self(text)) } else { Err(Error::input("principal", "is not of the form qcs::cam::uin/1:uin/2")) }
    }

    /// As it stands in a policy.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Principal {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const CAM: &str = "qcs::cam::";
const ANYONE: &str = "anyone:anyone";
const ANONYMOUS: &str = "anonymous:anonymous";

/// An owner, and what is its own: itself, or something of a kind and a name.
fn of_account((owner, own): (&str, &str)) -> bool {
    let named = own.split_once('/').is_some_and(|(kind, name)| {
        let letters = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphabetic());
        let plain = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
        letters && plain && (kind != "uin" || is_uin(name))
    });
    is_uin(owner) && (named || own == "root")
}

fn is_uin(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits<'t>(field: &'static str, text: &'t str) -> Result<&'t str> {
    if is_uin(text) { Ok(text) } else { Err(Error::input(field, "is not the digits of an account")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_of_a_form_that_cam_has() {
        assert_eq!(Principal::anyone().as_str(), "qcs::cam::anyone:anyone");
        assert_eq!("qcs::cam::anyone:anyone".parse::<Principal>().unwrap(), Principal::anyone());
        assert_eq!(Principal::account("1").unwrap().as_str(), "qcs::cam::uin/1:uin/1");
        assert_eq!(Principal::user("1", "2").unwrap().to_string(), "qcs::cam::uin/1:uin/2");
        for good in [
            "qcs::cam::anyone:anyone",
            "qcs::cam::anonymous:anonymous",
            "qcs::cam::uin/1:root",
            "qcs::cam::uin/1:uin/2",
            "qcs::cam::uin/1:roleName/up-loader",
            "qcs::cam::uin/1:role/tencentcloudServiceRoleName/CVM_QCSRole",
            "qcs::cam::uin/1:groupid/3",
        ] {
            assert_eq!(Principal::new(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "*",
            "1",
            "anyone",
            "qcs::cam::uin/1",
            "qcs::cam::uin/:uin/2",
            "qcs::cam::uin/1:uin/",
            "qcs::cam::uin/1:uin/*",
            "qcs::cam::uin/a:uin/2",
            "qcs::cam::uin/1:alice",
            "qcs::cam::uin/1:roleName/a b",
            "qcs:cam::uin/1:uin/2",
            "qcs::cam::anyone:anyone ",
        ] {
            assert_eq!(Principal::new(bad).unwrap_err().field(), Some("principal"), "{bad}");
        }
        assert_eq!(Principal::account("a").unwrap_err().field(), Some("uin"));
        assert_eq!(Principal::user("", "1").unwrap_err().field(), Some("owner"));
        assert_eq!(Principal::user("1", "1:2").unwrap_err().field(), Some("uin"));
    }
}
