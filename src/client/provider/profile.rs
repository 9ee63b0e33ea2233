//! Keys in files: those of Tencent's SDKs, and the profiles of `tccli`.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::{BoxFuture, CredentialError, ProvideCredentials, Variables, file};
use crate::credentials::{Credentials, SessionCredentials};
use crate::error::Error;

const FILE_VARIABLE: &str = "TENCENTCLOUD_CREDENTIALS_FILE";
const PROFILE_VARIABLE: &str = "TCCLI_PROFILE";
const DEFAULT: &str = "default";

/// Reads a key from a file, the first of these:
///
/// | file | form |
/// |---|---|
/// | the one that `TENCENTCLOUD_CREDENTIALS_FILE` names | `secret_id` and `secret_key` in the section `[default]` |
/// | `~/.tccli/NAME.credential`, if `TCCLI_PROFILE` is NAME | JSON of `tccli`: `secretId`, `secretKey`, `token`, `expiresAt` |
/// | `~/.tencentcloud/credentials` | as the first |
/// | `/etc/tencentcloud/credentials`, not on Windows | as the first |
/// | `~/.tccli/default.credential` | as the second |
///
/// The home directory is `HOME`, on Windows `USERPROFILE`. Files are read anew each time, at most 64 KiB within 1 s.
/// What a variable names must be there; of the others an absent file, and one without the section, is passed over.
///
/// # Errors
/// [`NotConfigured`](super::CredentialErrorKind::NotConfigured) when none of them holds a key.
/// [`Rejected`](super::CredentialErrorKind::Rejected), naming the file, when it is not of its form, holds half a key or
/// a value that cannot be a part of one, or asks for a role to be assumed (`role-arn`).
/// [`Transient`](super::CredentialErrorKind::Transient) when it cannot be read.
///
/// Reference: [Profiles of `tccli`](https://cloud.tencent.com/document/product/440/34012)
#[derive(Clone, Debug)]
pub struct ProfileCredentials {
    variables: Variables,
    home: Option<PathBuf>,
    profile: Option<String>,
    system_file: Option<PathBuf>,
}

impl ProfileCredentials {
    /// As the environment of this process says.
    pub fn new() -> Self {
        Self::from_variables(Variables::of_process())
    }

    /// The same, with the variables read through `lookup`.
    pub fn with_lookup(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self::from_variables(Variables::new(lookup))
    }

    pub(super) fn from_variables(variables: Variables) -> Self {
        let system_file = (!cfg!(windows)).then(|| PathBuf::from("/etc/tencentcloud/credentials"));
        Self { variables, home: None, profile: None, system_file }
    }

    /// This home directory.
    #[must_use]
    pub fn home(mut self, directory: impl Into<PathBuf>) -> Self {
        self.home = Some(directory.into());
        self
    }

    /// The section, or profile of `tccli`, of this name in place of `default` and of the one `TCCLI_PROFILE` names.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    async fn read(&self) -> Result<Credentials, CredentialError> {
        let section = self.profile.as_deref().unwrap_or(DEFAULT);
        let home = self.home.clone().or_else(|| self.variables.home());
        if let Some(path) = self.variables.get(FILE_VARIABLE) {
            return Self::named(FILE_VARIABLE, from_ini(path.as_ref(), section).await);
        }
        if let (None, Some(profile)) = (&self.profile, self.variables.get(PROFILE_VARIABLE)) {
            let Some(home) = home else {
                return Err(CredentialError::rejected(format!("{PROFILE_VARIABLE} is set, but no home directory")));
            };
            return Self::named(PROFILE_VARIABLE, from_tccli(&home, &profile).await);
        }
        let mut reasons = Vec::new();
        if let Some(home) = &home {
            match from_ini(&home.join(".tencentcloud").join("credentials"), section).await? {
                Found::Key(key) => return Ok(key),
                Found::Nothing(why) => reasons.push(why),
            }
        }
        if let Some(path) = &self.system_file {
            match from_ini(path, section).await? {
                Found::Key(key) => return Ok(key),
                Found::Nothing(why) => reasons.push(why),
            }
        }
        if let Some(home) = &home {
            match from_tccli(home, section).await? {
                Found::Key(key) => return Ok(key),
                Found::Nothing(why) => reasons.push(why),
            }
        }
        Err(CredentialError::not_configured(reasons.join(", ")))
    }

    /// What a variable names is meant.
    fn named(variable: &str, found: Result<Found, CredentialError>) -> Result<Credentials, CredentialError> {
        match found? {
            Found::Key(key) => Ok(key),
            Found::Nothing(why) => Err(CredentialError::rejected(format!("{variable} names {why}"))),
        }
    }
}

impl Default for ProfileCredentials {
    fn default() -> Self {
        Self::new()
    }
}

impl ProvideCredentials for ProfileCredentials {
    fn provide(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(self.read())
    }

    fn name(&self) -> &'static str {
        "the profile"
    }
}

enum Found {
    Key(Credentials),
    /// And what is missing: a file, a section.
    Nothing(String),
}

/// What a file says of a key.
#[derive(Default)]
struct Entry {
    secret_id: String,
    secret_key: Zeroizing<String>,
    token: Zeroizing<String>,
    expires_at: Option<u64>,
}

impl Entry {
    /// `names` are those of id and key in this kind of file.
    fn into_key(self, path: &Path, names: [&str; 2]) -> Result<Found, CredentialError> {
        let refuse = |what: String| CredentialError::rejected(format!("{}: {what}", path.display()));
        match (self.secret_id.is_empty(), self.secret_key.is_empty()) {
            (true, true) => return Ok(Found::Nothing(format!("{} without a key", path.display()))),
            (true, false) => return Err(refuse(format!("{} is missing", names[0]))),
            (false, true) => return Err(refuse(format!("{} is missing", names[1]))),
            (false, false) => {}
        }
        // The copies are wiped with the key.
        let (id, key, token) = (self.secret_id, self.secret_key.as_str(), self.token.as_str());
        let key = match (token, self.expires_at) {
            ("", _) => Credentials::permanent(id, key),
            (token, None) => Credentials::with_token(id, key, token),
            (token, Some(end)) => {
                let end = UNIX_EPOCH.checked_add(Duration::from_secs(end));
                let end = end.ok_or_else(|| refuse("expiresAt is not a Unix time in seconds".to_owned()))?;
                SessionCredentials::new(id, key, token, end).map(Into::into)
            }
        };
        key.map(Found::Key).map_err(|error: Error| refuse(error.to_string()))
    }
}

async fn from_ini(path: &Path, section: &str) -> Result<Found, CredentialError> {
    let Some(text) = file::read(path).await? else {
        return Ok(Found::Nothing(format!("no file {}", path.display())));
    };
    let mut entry = None;
    let mut inside = false;
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = name.trim() == section;
            if inside && entry.replace(Entry::default()).is_some() {
                // Of two keys in one neither is whole.
                let told = format!("{}: the section [{section}] is there twice", path.display());
                return Err(CredentialError::rejected(told));
            }
            continue;
        }
        let Some((name, value)) = line.split_once('=').map(|(name, value)| (name.trim(), unquoted(value.trim())))
        else {
            // Not the line itself: it may be half of a key.
            let told = format!("{}: line {} is neither `[section]` nor `name = value`", path.display(), number + 1);
            return Err(CredentialError::rejected(told));
        };
        let Some(entry) = entry.as_mut().filter(|_| inside) else { continue };
        let before = match name {
            "secret_id" => std::mem::replace(&mut entry.secret_id, value.to_owned()).into(),
            "secret_key" => std::mem::replace(&mut entry.secret_key, value.to_owned().into()),
            "token" => std::mem::replace(&mut entry.token, value.to_owned().into()),
            _ => continue,
        };
        if !before.is_empty() {
            return Err(CredentialError::rejected(format!("{}: {name} is there twice", path.display())));
        }
    }
    match entry {
        Some(entry) => entry.into_key(path, ["secret_id", "secret_key"]),
        None => Ok(Found::Nothing(format!("{} without a section [{section}]", path.display()))),
    }
}

/// Without the quotation marks around it, as the SDK for Go reads it.
fn unquoted(value: &str) -> &str {
    let inside = |mark| value.strip_prefix(mark)?.strip_suffix(mark);
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

/// `~/.tccli/NAME.credential`.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Tccli {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "secretId")]
    secret_id: Option<String>,
    #[serde(rename = "secretKey", deserialize_with = "wiped")]
    secret_key: Option<Zeroizing<String>>,
    #[serde(deserialize_with = "wiped")]
    token: Option<Zeroizing<String>>,
    #[serde(rename = "expiresAt")]
    expires_at: Option<u64>,
    #[serde(rename = "role-arn")]
    role_arn: Option<String>,
}

fn wiped<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Zeroizing::new))
}

async fn from_tccli(home: &Path, profile: &str) -> Result<Found, CredentialError> {
    if profile.is_empty() || profile.contains(['/', '\\', ':', '\0']) {
        return Err(CredentialError::rejected("the name of the profile is empty, or holds a character of paths"));
    }
    let path = home.join(".tccli").join(format!("{profile}.credential"));
    let Some(text) = file::read(&path).await? else {
        return Ok(Found::Nothing(format!("no file {}", path.display())));
    };
    let file: Tccli = serde_json::from_str(&text).map_err(|error| {
        // serde_json's own message can quote the document: only the place is told.
        let (line, column) = (error.line(), error.column());
        CredentialError::rejected(format!("{}: no JSON of tccli (line {line}, column {column})", path.display()))
    })?;
    if file.role_arn.is_some_and(|role| !role.is_empty()) {
        let told =
            format!("{}: asks for a role to be assumed (role-arn), which a profile here does not", path.display());
        return Err(CredentialError::rejected(told));
    }
    if file.kind.as_deref() == Some("cvm-role") {
        return Ok(Found::Nothing(format!("{} for the role of the instance", path.display())));
    }
    let entry = Entry {
        secret_id: file.secret_id.unwrap_or_default(),
        secret_key: file.secret_key.unwrap_or_default(),
        token: file.token.unwrap_or_default(),
        expires_at: file.expires_at,
    };
    entry.into_key(&path, ["secretId", "secretKey"])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::CredentialErrorKind::{self, NotConfigured, Rejected, Transient};
    use super::*;

    struct Home {
        directory: TempDir,
        variables: Vec<(&'static str, String)>,
    }

    impl Home {
        fn new(files: &[(&str, &str)]) -> Self {
            let directory = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = directory.path().join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self { directory, variables: Vec::new() }
        }

        fn set(mut self, name: &'static str, value: &str) -> Self {
            self.variables.push((name, value.replace('~', self.directory.path().to_str().unwrap())));
            self
        }

        fn source(&self) -> ProfileCredentials {
            let home = self.directory.path().to_str().unwrap().to_owned();
            let mut variables = self.variables.clone();
            variables.push((if cfg!(windows) { "USERPROFILE" } else { "HOME" }, home));
            let find = move |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.clone());
            let mut source = ProfileCredentials::with_lookup(find);
            source.system_file = Some(self.directory.path().join("etc"));
            source
        }

        async fn read(&self) -> Result<Credentials, CredentialError> {
            self.source().provide().await
        }

        async fn refused(&self) -> (CredentialErrorKind, String) {
            let error = self.read().await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("PLANTED"), "{error:?}");
            (error.kind(), error.to_string().replace(self.directory.path().to_str().unwrap(), "~").replace('\\', "/"))
        }
    }

    const INI: &str = ".tencentcloud/credentials";
    const TCCLI: &str = ".tccli/default.credential";

    fn ini(id: &str) -> String {
        format!("[default]\nsecret_id = {id}\nsecret_key = key\n")
    }

    fn tccli(id: &str) -> String {
        format!(r#"{{"secretId":"{id}","secretKey":"key"}}"#)
    }

    #[tokio::test]
    async fn the_first_file_that_holds_a_key_counts() {
        let (home, system, other, work) = (ini("AKIDhome"), ini("AKIDsystem"), tccli("AKIDtccli"), tccli("AKIDwork"));
        let all = [(INI, &*home), ("etc", &*system), (TCCLI, &*other), (".tccli/work.credential", &*work)];
        for (skip, id) in ["AKIDhome", "AKIDsystem", "AKIDtccli"].into_iter().enumerate() {
            assert_eq!(Home::new(&all[skip..]).read().await.unwrap().secret_id(), id);
        }
        let named = Home::new(&all).set(PROFILE_VARIABLE, "work");
        assert_eq!(named.read().await.unwrap().secret_id(), "AKIDwork");
        let named = named.set(FILE_VARIABLE, "~/etc");
        assert_eq!(named.read().await.unwrap().secret_id(), "AKIDsystem");
        // A program that names a profile means it.
        let home = Home::new(&all).set(PROFILE_VARIABLE, "default");
        assert_eq!(home.source().profile("work").provide().await.unwrap().secret_id(), "AKIDwork");
        let moved = Home::new(&[]).source().home(home.directory.path());
        assert_eq!(moved.provide().await.unwrap().secret_id(), "AKIDhome");
    }

    #[tokio::test]
    async fn reads_what_the_sdks_and_tccli_write() {
        let text = "\u{feff}# of mine\r\n[other]\r\nsecret_id=AKIDother\r\nsecret_key=other\r\n\r\n[ default ]\r\n; now\r\n\
                    secret_id = AKIDa\r\nsecret_key= a=b \r\nrole_arn = x\r\n[more]\r\nsecret_key = more\r\n";
        let key = Home::new(&[(INI, text)]).read().await.unwrap();
        assert_eq!((key.secret_id(), key.secret_key(), key.token()), ("AKIDa", "a=b", None));
        let key = Home::new(&[(INI, text)]).source().profile("other").provide().await.unwrap();
        assert_eq!((key.secret_id(), key.secret_key()), ("AKIDother", "other"));

        let quoted = "[default]\nsecret_id = \"AKIDq\"\nsecret_key='a\"b'\ntoken = \"\"\n";
        let key = Home::new(&[(INI, quoted)]).read().await.unwrap();
        assert_eq!((key.secret_id(), key.secret_key(), key.token()), ("AKIDq", "a\"b", None));

        let login = r#"{"type":"oauth","secretId":"AKIDb","secretKey":"k","token":"t","expiresAt":1900000000,
            "oauth":{"openId":"o","accessToken":"PLANTED","expiresAt":1,"refreshToken":"PLANTED","site":"cn"}}"#;
        let key = Home::new(&[(TCCLI, login)]).read().await.unwrap();
        assert_eq!((key.secret_id(), key.token()), ("AKIDb", Some("t")));
        assert_eq!(key.expires_at(), Some(UNIX_EPOCH + Duration::from_secs(1_900_000_000)));
        let configured = r#"{"secretId":"AKIDc","secretKey":"k","token":null,"role-arn":""}"#;
        assert_eq!(Home::new(&[(TCCLI, configured)]).read().await.unwrap().token(), None);
    }

    #[tokio::test]
    async fn tells_what_is_missing_or_wrong_and_never_a_value() {
        let long = "#".repeat(64 * 1024 + 1);
        let none = format!("no file ~/{INI}, no file ~/etc, no file ~/{TCCLI}");
        let role = r#"{"secretId":"PLANTED","secretKey":"PLANTED","role-arn":"qcs::cam::uin/1:roleName/r"}"#;
        for (files, kind, told) in [
            (vec![], NotConfigured, none.as_str()),
            (vec![(INI, "[other]\nsecret_id=PLANTED")], NotConfigured, "credentials without a section [default]"),
            (vec![(INI, "[default]\n")], NotConfigured, "credentials without a key"),
            (vec![(TCCLI, r#"{"type":"cvm-role"}"#)], NotConfigured, "for the role of the instance"),
            (vec![(TCCLI, "{}")], NotConfigured, "default.credential without a key"),
            (vec![(INI, "[default]\nsecret_id=PLANTED\n")], Rejected, "credentials: secret_key is missing"),
            (vec![(INI, "[default]\nsecret_key=PLANTED\n")], Rejected, "credentials: secret_id is missing"),
            (vec![(INI, "[default]\nsecret_id=x\nsecret_key=PLANTED x\n")], Rejected, "secret_key: holds a blank"),
            (vec![(INI, "[default]\nsecret_id=x\nsecret_key=\"PLANTED\n")], Rejected, "secret_key: begins with"),
            (vec![(INI, "PLANTED\n")], Rejected, "line 1 is neither"),
            (
                vec![(INI, "[default]\ntoken=PLANTED\n[x]\n[default]\nsecret_id=i\nsecret_key=k\n")],
                Rejected,
                "is there twice",
            ),
            (
                vec![(INI, "[default]\nsecret_id=a\nsecret_key=PLANTED\nsecret_id=b\n")],
                Rejected,
                "secret_id is there twice",
            ),
            (vec![(INI, long.as_str())], Rejected, "longer than 64 KiB"),
            (vec![(TCCLI, "PLANTED")], Rejected, "no JSON of tccli (line 1, column 1)"),
            (vec![(TCCLI, r#"{"secretId":"PLANTED"}"#)], Rejected, "secretKey is missing"),
            (
                vec![(TCCLI, "{\"secretId\":\"i\",\"secretKey\":\"k\",\"token\":\"PLANTED\\r\\nx\"}")],
                Rejected,
                "token: ",
            ),
            (vec![(TCCLI, role)], Rejected, "asks for a role"),
            (vec![(".tencentcloud/credentials/x", "")], Transient, "is not a regular file"),
        ] {
            let (found, message) = Home::new(&files).refused().await;
            let message = message.replace('\\', "/");
            assert!(found == kind && message.contains(told), "{found:?} {message}, not {told}");
        }
        let home = Home::new(&[]).set(FILE_VARIABLE, "~/absent");
        assert_eq!(home.refused().await, (Rejected, format!("{FILE_VARIABLE} names no file ~/absent")));
        let home = Home::new(&[]).set(PROFILE_VARIABLE, "work");
        let expected = format!("{PROFILE_VARIABLE} names no file ~/.tccli/work.credential");
        assert_eq!(home.refused().await, (Rejected, expected));
        assert_eq!(Home::new(&[]).set(PROFILE_VARIABLE, "../x").refused().await.0, Rejected);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_is_no_text_or_may_not_be_read_is_told() {
        let home = Home::new(&[(INI, "")]);
        fs::write(home.directory.path().join(INI), [0xff, 0xfe]).unwrap();
        assert!(home.refused().await.1.contains("is not UTF-8 text"));
        let socket = Home::new(&[(".tencentcloud/x", "")]);
        let _listening = std::os::unix::net::UnixListener::bind(socket.directory.path().join(INI)).unwrap();
        assert_eq!(socket.refused().await.0, Transient);
    }
}
