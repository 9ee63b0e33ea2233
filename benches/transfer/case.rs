//! What is moved, and how.

use std::path::PathBuf;

pub const MIB: u64 = 1024 * 1024;
/// Of uploads and of ranges.
pub const PART: u64 = 8 * MIB;
/// Parts, or ranges, at once.
pub const AT_ONCE: usize = 8;
pub const SMALL_BYTES: u64 = 4096;
/// Small objects at once.
pub const SMALL_AT_ONCE: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// From a file, by parts.
    Up,
    /// One GET, its bytes dropped.
    Down,
    /// One GET, to a file.
    DownFile,
    /// Ranges, to a file.
    Ranges,
    /// Ranges, put in order, their bytes dropped.
    RangesOrdered,
    SlowUp,
    SlowDown,
    SmallUp,
    SmallDown,
}

impl Case {
    pub const ALL: [Self; 9] = [
        Self::Up,
        Self::Down,
        Self::DownFile,
        Self::Ranges,
        Self::RangesOrdered,
        Self::SlowUp,
        Self::SlowDown,
        Self::SmallUp,
        Self::SmallDown,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::DownFile => "down-file",
            Self::Ranges => "ranges",
            Self::RangesOrdered => "ranges-ordered",
            Self::SlowUp => "slow-up",
            Self::SlowDown => "slow-down",
            Self::SmallUp => "small-up",
            Self::SmallDown => "small-down",
        }
    }

    pub fn is_slow(self) -> bool {
        matches!(self, Self::SlowUp | Self::SlowDown)
    }

    pub fn is_small(self) -> bool {
        matches!(self, Self::SmallUp | Self::SmallDown)
    }

    /// How much of the floor's rate ours shall reach, and how much memory it may take, in MiB.
    pub fn goals(self) -> (Option<f64>, Option<f64>) {
        match self {
            Self::Up => (Some(0.80), Some(32.0)),
            Self::Ranges => (Some(0.93), Some(32.0)),
            Self::SlowUp | Self::SlowDown => (Some(1.0 / 1.05), None),
            _ => (None, None),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Hyper,
    Ours,
    #[cfg(feature = "hyper")]
    OursOnHyper,
}

impl Kind {
    pub const ALL: &[Self] = &[
        Self::Hyper,
        Self::Ours,
        #[cfg(feature = "hyper")]
        Self::OursOnHyper,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Hyper => "hyper",
            Self::Ours => "ours",
            #[cfg(feature = "hyper")]
            Self::OursOnHyper => "ours-on-hyper",
        }
    }
}

/// One round of one contender.
#[derive(Clone)]
pub struct Task {
    pub case: Case,
    pub kind: Kind,
    pub server: std::net::SocketAddr,
    /// Read by uploads.
    pub source: PathBuf,
    /// Written by downloads.
    pub destination: PathBuf,
    /// Bytes, or small objects.
    pub size: u64,
    pub threads: u64,
}

impl Task {
    pub fn words(&self) -> Vec<String> {
        vec![
            self.case.name().to_owned(),
            self.kind.name().to_owned(),
            self.server.to_string(),
            self.source.display().to_string(),
            self.destination.display().to_string(),
            self.size.to_string(),
            self.threads.to_string(),
        ]
    }

    pub fn from_words(words: &[String]) -> Self {
        let [case, kind, server, source, destination, size, threads] = words else { panic!("seven words: {words:?}") };
        Self {
            case: Case::ALL.into_iter().find(|known| known.name() == case).expect("a case"),
            kind: Kind::ALL.iter().copied().find(|known| known.name() == kind).expect("a kind"),
            server: server.parse().expect("an address"),
            source: source.into(),
            destination: destination.into(),
            size: size.parse().expect("a number"),
            threads: threads.parse().expect("a number"),
        }
    }
}
