//! Rules of which a bucket has many.

/// Puts a rule in the place of all those it is to replace, and says what that was; `None` when it is there already.
pub fn put<R: PartialEq>(rules: &mut Vec<R>, rule: R, replaces: impl Fn(&R) -> bool) -> Option<&'static str> {
    if rules.iter().filter(|there| replaces(there)).eq([&rule]) {
        return None;
    }
    let at = rules.iter().position(&replaces);
    rules.retain(|there| !replaces(there));
    rules.insert(at.unwrap_or(rules.len()), rule);
    Some(if at.is_some() { "changed" } else { "added" })
}
