//! Words on the command line.
#![allow(dead_code)] // each bench has its own

/// Whether it has this word.
pub fn has(word: &str) -> bool {
    std::env::args().any(|argument| argument == word)
}

/// The number that follows this word.
pub fn number(word: &str, default: u32) -> u32 {
    text(word).map_or(default, |text| text.parse().expect("a number"))
}

/// Whether the name is the one that follows this word, or none follows.
pub fn chosen(word: &str, name: &str) -> bool {
    text(word).is_none_or(|wanted| wanted == name)
}

/// The text that follows this word.
pub fn text(word: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != word).nth(1)
}
