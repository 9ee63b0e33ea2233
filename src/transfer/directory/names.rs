//! Which file a key becomes, and which key a file. Pure; what Windows demands is known on every system.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use icu_normalizer::DecomposingNormalizerBorrowed;

use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::transfer::work_files::is_work_file;

/// The longest name of a file, in bytes here and in UTF-16 units on Windows.
const MAX_NAME: usize = 255;
/// What is the same as one character of plain ASCII but for case or another way to write it: the sign for kelvin, the
/// long s, the question mark of Greek, the grave accent.
const TWINS: [char; 4] = ['\u{212a}', '\u{17f}', '\u{37e}', '\u{1fef}'];
/// What one letter beside plain ASCII may be the same as but for case: `ß`, and letters written as one.
const PAIRS: [&str; 5] = ["ss", "st", "ff", "fi", "fl"];
/// How many spellings are remembered: 16 MiB of them.
const MAX_SPELLINGS: usize = 1 << 20;

/// Which keys may become files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum FileNames {
    /// Those that name the same file on every system.
    #[default]
    Portable,
    /// Those that this system can name.
    Native,
}

impl FileNames {
    /// Windows decides what is portable: it refuses the most.
    fn is_strict(self) -> bool {
        self == Self::Portable || cfg!(windows)
    }

    /// Whether two names are one that differ in case, in how their letters are composed, or in characters without a
    /// look.
    pub(super) fn folds_case(self) -> bool {
        self.is_strict() || cfg!(target_os = "macos")
    }
}

/// The path below the destination of what follows the prefix in a key: names with slashes between them, none of which
/// leads anywhere else.
///
/// # Errors
/// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `key`.
pub(super) fn path_of<'a>(key: &'a str, prefix: &str, names: FileNames) -> Result<&'a str> {
    let refuse = |why: &'static str| Err(Error::input("key", why));
    let Some(rest) = key.strip_prefix(prefix) else { return refuse("does not begin with the prefix") };
    if rest.is_empty() {
        return refuse("is the prefix itself and leaves no name for a file");
    }
    if rest.starts_with('/') {
        // Without its slash `p/a` would be the same file as `pa`.
        return refuse("is an absolute path behind the prefix; that of a directory ends in a slash");
    }
    if key.len() > ObjectKey::MAX_BYTES {
        return refuse("is longer than 850 bytes");
    }
    match rest.split('/').find_map(|name| refusal(name, names)) {
        Some(why) => refuse(why),
        None => Ok(rest),
    }
}

fn refusal(name: &str, names: FileNames) -> Option<&'static str> {
    match name {
        "" => return Some("has an empty name between two slashes or behind the last"),
        "." | ".." => return Some("has a name `.` or `..`"),
        _ => {}
    }
    if name.contains('\0') {
        return Some("has a NUL in a name");
    }
    if name.len() > MAX_NAME {
        return Some("has a name longer than 255 bytes");
    }
    if names.folds_case() && name.contains(TWINS) {
        return Some("has a character in a name that some systems take for one of plain ASCII");
    }
    if names.folds_case() && name.contains(is_ignorable) && folded(name).is_ascii() {
        return Some("has a character in a name that some systems ignore, beside plain ASCII");
    }
    // Else who may write to the bucket could make them up.
    if is_work_file(&if names.folds_case() { folded(name) } else { name.to_owned() }) {
        return Some("has a name that transfers give to files of their own");
    }
    if names.is_strict() { strict_refusal(name) } else { None }
}

/// What Windows does not take, or takes for something else.
fn strict_refusal(name: &str) -> Option<&'static str> {
    if name.contains('\\') {
        return Some("has a backslash in a name, which Windows takes for a separator");
    }
    if name.contains(':') {
        return Some("has a colon in a name, which Windows takes for a drive or a stream");
    }
    if name.contains(['<', '>', '"', '|', '?', '*']) || name.contains(|c: char| u32::from(c) < 32) {
        return Some("has a character in a name that Windows refuses");
    }
    if name.ends_with(['.', ' ']) {
        return Some("has a name that ends in a dot or a space, which Windows drops");
    }
    if is_device(name) {
        return Some("has a name that is a device on Windows");
    }
    is_short(name).then_some("has a name like `LONGFI~1.TXT`, which Windows may have given to another file")
}

/// Whether Windows makes such names up, beside the long ones: eight characters at most and three, with a number at the
/// end of the first.
fn is_short(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let fits = stem.chars().count() <= 8 && extension.chars().count() <= 3 && !extension.contains('.');
    let number = stem.rsplit_once('~').map_or("", |(_, number)| number);
    fits && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// A device is one with any extension, too, and with blanks before it.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ').to_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let numbered = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    matches!(numbered, Some("0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"))
}

/// The key of a file: the prefix and the path below the source, with slashes.
///
/// # Errors
/// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `key` when COS takes no such key.
pub(super) fn key_of(prefix: &str, path: &str) -> Result<ObjectKey> {
    ObjectKey::new(format!("{prefix}{path}"))
}

/// Tells paths that differ from one met before only in case, in how their letters are composed (`é` may be one
/// character, or an `e` and an accent), or in characters that are ignored.
///
/// Of such a pair the listing has the one with the capital letter first, or one that is not plain ASCII or has letters
/// that one may stand for; so only those are remembered, and of them a million at most.
pub(super) struct Spellings {
    seen: HashSet<u64>,
    state: RandomState,
}

impl Spellings {
    pub(super) fn new() -> Self {
        Self { seen: HashSet::new(), state: RandomState::new() }
    }

    /// Whether another spelling of this path came before.
    pub(super) fn collides(&mut self, path: &str) -> bool {
        let folded = folded(path);
        let fingerprint = self.state.hash_one(&folded);
        if self.seen.contains(&fingerprint) {
            return true;
        }
        let comes_first = folded != path || !path.is_ascii() || PAIRS.iter().any(|pair| path.contains(pair));
        if comes_first && self.seen.len() < MAX_SPELLINGS {
            self.seen.insert(fingerprint);
        }
        false
    }
}

/// Files that came down, by whatever spelling a file system shows them.
pub(super) struct Arrivals {
    seen: HashSet<u64>,
    state: RandomState,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self { seen: HashSet::new(), state: RandomState::new() }
    }

    pub(super) fn add(&mut self, path: &str) {
        if self.seen.len() < MAX_SPELLINGS {
            self.seen.insert(self.state.hash_one(folded(path)));
        }
    }

    /// Whether this may be one of them. With too many to remember, all may.
    pub(super) fn may_have(&self, path: &str) -> bool {
        self.seen.len() == MAX_SPELLINGS || self.seen.contains(&self.state.hash_one(folded(path)))
    }
}

/// Without what is ignored. Upper case first: some letters have two lower ones. Decomposed before and after: some have
/// a case only in pieces, and some that have none in pieces are made of others by it.
fn folded(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    let decomposing = const { DecomposingNormalizerBorrowed::new_nfd() };
    let seen: String = path.chars().filter(|&c| !is_ignorable(c)).collect();
    let pieces = decomposing.normalize(&seen);
    let folded: String = pieces.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    decomposing.normalize(&folded).into_owned()
}

/// Unicode's `Default_Ignorable_Code_Point`: what has no look of its own. File systems that fold case ignore all of
/// them or some.
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use super::*;

    fn portable(key: &str, prefix: &str) -> Option<String> {
        path_of(key, prefix, FileNames::Portable).ok().map(str::to_owned)
    }

    #[test]
    fn what_follows_the_prefix_is_the_path() {
        for (key, prefix, path) in [
            ("a/b.txt", "", "a/b.txt"),
            ("p/a/b.txt", "p/", "a/b.txt"),
            ("pa", "p", "a"),
            ("logs/2026-01/x", "logs/2026-", "01/x"),
            ("目录/😀", "", "目录/😀"),
            (".hidden", "", ".hidden"),
            ("console", "", "console"),
            ("COM10", "", "COM10"),
            ("mine.cos-checkpoint", "", "mine.cos-checkpoint"),
            ("👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}", "", "👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}"),
            ("1\u{fe0f}\u{20e3}", "", "1\u{fe0f}\u{20e3}"),
            ("می\u{200c}خواهم", "", "می\u{200c}خواهم"),
            ("a~", "", "a~"),
            ("a~b.txt", "", "a~b.txt"),
            ("a~1.html", "", "a~1.html"),
            ("a~1.b.c", "", "a~1.b.c"),
            ("a.~1~", "", "a.~1~"),
            ("longname~1.txt", "", "longname~1.txt"),
        ] {
            assert_eq!(portable(key, prefix).as_deref(), Some(path), "{key}");
        }
    }

    #[test]
    fn hostile_keys_are_refused() {
        let long = "k".repeat(5000);
        let name = format!("a/{}", "n".repeat(256));
        for key in [
            "",
            "/",
            "/etc/x",
            "../x",
            "a/../../x",
            "a/..",
            "..",
            ".",
            "./x",
            "a/./b",
            "a//b",
            "a/",
            "a\0b",
            &long,
            &name,
            ".cos-0123456789ab.tmp",
            "a/..0123456789abcdef.cos-partial",
            "upload-0123456789abcdef0123456789abcdef01234567.cos-checkpoint",
        ] {
            for names in [FileNames::Portable, FileNames::Native] {
                let error = path_of(key, "", names).expect_err(key);
                assert_eq!(error.field(), Some("key"));
            }
        }
        for key in [
            "C:\\x",
            "C:x",
            "..\\x",
            "\\\\host\\share",
            "a:b",
            "CON",
            "con.txt",
            "a/NUL ",
            "AUX .c",
            "LPT¹",
            "x.",
            "x ",
            "a?",
            "1 \u{212a}",
            "Waſſer",
            "a\u{37e}",
            "\u{1fef}",
            ".COS-0123456789AB.TMP",
            "LONGFI~1.TXT",
            "a~12",
            "d~1/x",
            "é~1.c",
            "a\u{200d}b",
            "a/.g\u{200c}it",
            "\u{feff}",
            "co\u{ad}op.txt",
        ] {
            assert_eq!(portable(key, ""), None, "{key}");
            let folds = key.contains(TWINS) || key.contains(is_ignorable) || key.starts_with(".COS-");
            let native = !cfg!(windows) && (!cfg!(target_os = "macos") || !folds);
            assert_eq!(path_of(key, "", FileNames::Native).is_ok(), native, "{key}");
        }
        for (key, prefix) in
            [("p//etc/x", "p/"), ("p//etc/x", "p"), ("p/", "p/"), ("p", "p"), ("p/../x", "p/"), ("q/x", "p/")]
        {
            assert_eq!(portable(key, prefix), None, "{key}");
        }
    }

    /// Whatever the key is, its path is made of plain names on this system, and a strict one of plain names on Windows.
    #[test]
    fn no_key_leads_out() {
        let seed = fastrand::u64(..);
        let mut random = fastrand::Rng::with_seed(seed);
        let pieces =
            ["..", ".", "/", "\\", ":", "a", "C:", "CON", ".txt", " ", "\0", "//", "é", "~", "?", "\n", "%2e", "x/y"];
        let mut accepted = 0;
        for _ in 0..200_000 {
            let key: String = (0..random.usize(..8)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            for names in [FileNames::Portable, FileNames::Native] {
                let Ok(path) = path_of(&key, "", names) else { continue };
                accepted += 1;
                assert!(key.ends_with(path), "seed {seed}: {key:?}");
                let parts: Vec<_> = Path::new(path).components().collect();
                assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))), "seed {seed}: {key:?}");
                assert_eq!(parts.len(), path.split('/').count(), "seed {seed}: {key:?}");
                if names == FileNames::Portable {
                    let windows = path.replace('\\', "/");
                    assert!(windows.split('/').all(|name| !matches!(name, "" | "." | "..")), "seed {seed}: {key:?}");
                    assert!(!path.contains([':', '\\', '\0', '\n']), "seed {seed}: {key:?}");
                }
            }
        }
        assert!(accepted > 1000, "seed {seed}: only {accepted} keys were accepted");
    }

    #[test]
    fn of_names_that_differ_in_case_the_second_is_told() {
        let mut spellings = Spellings::new();
        let listed = ["A", "B/x", "README", "a.txt", "b/X", "b/x", "readme", "Ä", "ä", "Ÿ", "ÿ"];
        let told: Vec<_> = listed.into_iter().filter(|path| spellings.collides(path)).collect();
        assert_eq!(told, ["b/X", "b/x", "readme", "ä", "ÿ"]);
        // In the order of bytes `ÿ` comes before `Ÿ`.
        let mut spellings = Spellings::new();
        assert_eq!(["ÿ", "Ÿ"].map(|path| spellings.collides(path)), [false, true]);
        // As do letters of plain ASCII before one that stands for two of them.
        for twins in [["strasse", "straße"], ["fix", "ﬁx"], ["off", "oﬀ"], ["fluss", "ﬂuß"], ["list", "liﬆ"]]
        {
            assert_eq!(twins.map(|path| spellings.collides(path)), [false, true], "{twins:?}");
        }
    }

    #[test]
    fn of_names_whose_letters_are_composed_in_two_ways_the_second_is_told() {
        for twins in [
            ["re\u{301}sume\u{301}", "résumé"],
            ["re\u{301}sume\u{301}", "RÉSUMÉ"],
            ["a\u{323}\u{307}", "a\u{307}\u{323}"],
            ["\u{1112}\u{1161}\u{11ab}", "한"],
            ["\u{304b}\u{3099}", "が"],
            ["豈", "\u{f900}"],
            ["\u{c5}", "\u{212b}"],
            ["ǰ", "J\u{30c}"],
        ] {
            let mut spellings = Spellings::new();
            let mut listed = twins;
            listed.sort_unstable();
            assert_eq!(listed.map(|path| spellings.collides(path)), [false, true], "{twins:?}");
        }
        let mut spellings = Spellings::new();
        let different = ["e", "e\u{300}", "e\u{301}", "è!", "が", "か", "目录", "目錄"];
        assert!(!different.into_iter().any(|path| spellings.collides(path)));
    }

    #[test]
    fn of_names_that_differ_in_what_has_no_look_the_second_is_told() {
        for twins in [
            ["می\u{200c}خواهم", "میخواهم"],
            ["❤", "❤\u{fe0f}"],
            ["👨\u{200d}👩", "👨👩"],
            ["É\u{ad}t", "e\u{301}t"],
            ["a\u{323}\u{34f}\u{307}", "a\u{307}\u{323}"],
            ["葛", "葛\u{e0100}"],
        ] {
            let mut spellings = Spellings::new();
            let mut listed = twins;
            listed.sort_unstable();
            assert_eq!(listed.map(|path| spellings.collides(path)), [false, true], "{twins:?}");
        }
    }

    /// A name in plain ASCII is remembered only when it has a capital letter or one of the pairs: whatever else folds
    /// to plain ASCII must be refused.
    #[test]
    fn what_plain_ascii_may_be_the_same_as_is_known() {
        let others = (0x80..=u32::from(char::MAX)).filter_map(char::from_u32);
        for other in others.filter(|other| folded(&other.to_string()).is_ascii()) {
            let refused = TWINS.contains(&other) || is_ignorable(other);
            let known = refused || PAIRS.iter().any(|pair| folded(&other.to_string()).contains(pair));
            // Only Turkish takes it for an `i`, and no file system.
            assert!(known || other == 'ı', "{other:?}");
        }
    }
}
