//! What has a name of its own prints it.

/// `Display` of types whose names are ours or were checked: the name.
macro_rules! display_name {
    ($($what:ty),+ $(,)?) => {$(
        impl ::std::fmt::Display for $what {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    )+};
}

/// `Display` of types whose names may come from an answer, and hold anything: what a terminal would obey is written
/// escaped.
macro_rules! display_foreign_name {
    ($($what:ty),+ $(,)?) => {$(
        impl ::std::fmt::Display for $what {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.as_str().escape_debug(), f)
            }
        }
    )+};
}

pub(crate) use {display_foreign_name, display_name};
