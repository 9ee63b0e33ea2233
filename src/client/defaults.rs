//! Every limit and every wait of the client, in one table. The builder of the client changes those that have a setter.
//!
//! | what | value | setter |
//! |---|---|---|
//! | connecting, TLS included | 5 s | [`connect_timeout`](crate::ClientBuilder::connect_timeout) |
//! | an upload that is still connecting outlasts that limit, where the next one is shorter, by | 1 s | |
//! | the next address of a host is tried beside a silent one after, with the transport on hyper | 300 ms | |
//! | the same with reqwest: one of the other IP version; one of the same, after the silent one had | 300 ms; an even share of the limit of connecting | |
//! | no progress of a body, in either direction | 20 s | [`stall_timeout`](crate::ClientBuilder::stall_timeout) |
//! | a body that comes more slowly over three times that limit, in bytes a second; not the results of a SELECT | 1024 | |
//! | a peer keeps a connection by taking nothing of a request that was left, with reqwest on Linux | that limit and 10 s | |
//! | from the last byte sent to the head of the answer | 30 s | [`response_timeout`](crate::ClientBuilder::response_timeout) |
//! | the same while COS works on a copy or a completion | 20 min | |
//! | what both are longer by for each 4 KiB of a body, as what the system took may still be on its way; for a body over 256 KiB by what 512 KiB of it took so far, at most 64 s | 1 s | |
//! | an operation in total | none | [`Overrides::deadline`](crate::Overrides::deadline) |
//! | a wait that is set to more counts as, so that `Duration::MAX` is as good as no limit | 30 years | |
//! | attempts of a request, the first included; of one of a transfer | 4; 8 | [`max_attempts`](crate::ClientBuilder::max_attempts) |
//! | wait before a repeat: random up to | 100 ms · 2ⁿ, at most 20 s | |
//! | the same when COS says `SlowDown` | 1 s · 2ⁿ, at most 20 s | |
//! | what `Retry-After` may ask for | 60 s | |
//! | a body that breaks off is read on at once when so much came since the last time | 64 KiB | |
//! | the same when less came | as a repeat, as often as attempts | |
//! | retry budget of a host: tokens, of a repeat, of a throttled repeat, back for a success, back each second | 500, 14, 5, 1, 5 | |
//! | a request of a transfer waits for that budget | 60 s | |
//! | a transfer that had an answer and can no longer connect keeps trying; where the attempts are set, these are the limit | 60 s | [`max_attempts`](crate::ClientBuilder::max_attempts) |
//! | another request of it that is answered meanwhile ends its wait before the next try, but not before | 1 s | |
//! | failures in a row that lead to the other host, and from there back; else it stays for | 2; 5 min | [`failover`](crate::ClientBuilder::failover) |
//! | a difference of clocks that is corrected after a refusal | 30 s to 24 h | |
//! | connections at once | 256 | [`max_connections`](crate::ClientBuilder::max_connections) |
//! | an upload goes in one request up to | 16 MiB; a stream up to one part | [`part_size`](crate::transfer::Upload::part_size) |
//! | a part of an upload: more where 10 000 would not be enough | 8 MiB | [`part_size`](crate::transfer::Upload::part_size) |
//! | a copy goes in one request up to | 256 MiB | [`part_size`](crate::transfer::LargeCopy::part_size) |
//! | a part of a copy: more where 10 000 would not be enough | 128 MiB | [`part_size`](crate::transfer::LargeCopy::part_size) |
//! | parts of a transfer at once | 8 | [`concurrency`](crate::transfer::Upload::concurrency) |
//! | completions of an upload, or copies in one request, that nobody knows the end of; wait before a further one: random up to | 3; 1 s · 2ⁿ | |
//! | waiting for the id of an upload that is not wanted any more; giving one up | 30 s each | |
//! | a download to a file: the first range, and the others | 8 MiB, an even share of 8 to 64 MiB | [`part_size`](crate::transfer::Download::part_size) |
//! | the same with a checkpoint: all ranges | 8 MiB | [`part_size`](crate::transfer::Download::part_size) |
//! | a download in order: a range | 4 MiB | [`part_size`](crate::transfer::Download::part_size) |
//! | bytes that are written to a file at once | 512 KiB | |
//! | memory of all transfers of a client | 64 MiB | [`memory_limit`](crate::ClientBuilder::memory_limit) |
//! | of these for parts of streams that fill, for what is read ahead, for all else at least | 1/2, 3/8, 1/8 and 2 MiB | |
//! | files of a directory under way at once | 32 | [`UploadDirectory::concurrency`](crate::transfer::UploadDirectory::concurrency) |
//! | failures a report of a directory holds | 1 000 | [`UploadDirectory::failure_limit`](crate::transfer::UploadDirectory::failure_limit) |
//! | idle connections are closed after | 25 s | [`pool_idle`](crate::ClientBuilder::pool_idle) |
//! | idle connections of a host, with the transport on hyper | 64 | |
//! | a signature of a request holds | 15 to 16 min, not beyond the key's end | |
//! | a signature starts before now by | 60 s to 120 s | |
//! | a presigned URL holds at most | 7 days | [`PresignOptions::allow_over_a_week`](crate::PresignOptions::allow_over_a_week) |
//! | an error document | 64 KiB | |
//! | an XML document: bytes, depth, elements; elements of a setting | 16 MiB, 16, 65 536; 131 072 | |
//! | a frame of a body: until 256 KiB went out, and at less than 128 KiB a second; else | 8 KiB; 64 KiB | |
//! | what is read of a file at once, one piece ahead of what is sent | 256 KiB | |
//! | a key is refreshed before its end by | a fifth of its life, 60 s to 300 s, ±10 % | |
//! | a request waits for the refresh when there is left | a tenth of its life, at most 30 s | |
//! | a try of a provider, and all that a request waits for one | 5 s, 15 s | |
//! | a provider that failed is asked again after | 1 s to 30 s, 60 s when it refused | |
//! | a request waits for a refresh while the old key lives | 10 s, at most half of what is left | |
//! | a refresh forced by an answer of COS | once for a key, every 5 s; again after 60 s if the source insists on the key | |
//! | a call of STS: attempts, one attempt, all of them | 3, 5 s, 15 s | those of `sts::ClientBuilder` |
//! | an answer of STS | 256 KiB | |
//! | a policy for STS, in characters | 6144 | |
//! | the longest life of a temporary key | 36 h | |
//! | a file that holds a key: reading it, its size | 1 s, 64 KiB | |
//! | instance metadata: connecting, an answer, tries, its size | 750 ms, 1 s, 2, 64 KiB | |
//! | STS for a pod: connecting, the answer, its size | 2 s, 3 s, 256 KiB | |
//! | an endpoint that hands out keys: connecting, the answer, its size | 2 s, 4 s, 256 KiB | |
//! | a chain of sources, all together | 4.5 s | |
//! | a clock that is corrected because a new key makes no sense by it | 30 s to 24 h | |

use std::time::Duration;

pub use crate::retry::{BACKOFF_BASE, BACKOFF_CAP, MAX_ATTEMPTS, THROTTLE_BASE};
pub use crate::sign::MAX_PRESIGN;

/// Connecting, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// By so much what waits for a connection outlasts the limit of connecting, so that this is what ends it.
pub const CONNECT_GRACE: Duration = Duration::from_secs(1);
/// How long an address is alone before the next is tried beside it, with the transport on hyper.
pub const HEAD_START: Duration = Duration::from_millis(300);
/// No progress of a body, in either direction.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// A body that comes more slowly is as good as silent, in bytes a second.
pub const MIN_RATE: u64 = 1024;
/// That rate is looked at each time a reader has waited for so many stall limits in all.
pub const SLOW_LIMITS: u32 = 3;
/// From the last byte sent to the head of the answer.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// The same while COS works on a copy or a completion.
pub const COMMIT_TIMEOUT: Duration = Duration::from_secs(20 * 60);
/// A wait that is set to more counts as this: as good as no limit, and no moment is beyond all time.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
/// The same for a request of a transfer: with its waits it outlasts a few seconds.
pub const TRANSFER_ATTEMPTS: u32 = 8;
/// Tokens of the retry budget of a host.
pub const RETRY_BUDGET: u32 = 500;
/// Tokens that come back each second.
pub const RETRY_REFILL: u32 = 5;
/// How long a request of a transfer waits for the budget.
pub const BUDGET_PATIENCE: Duration = Duration::from_secs(60);
/// How long a transfer that had an answer and can no longer connect keeps trying.
pub const OUTAGE_PATIENCE: Duration = Duration::from_secs(60);
/// How long it waits at least, after the first tries, although another of its requests had an answer meanwhile.
pub const OUTAGE_WAIT: Duration = Duration::from_secs(1);
/// So much of a body is progress: after it, reading on when it breaks off is not a repeat.
pub const PROGRESS: u64 = 64 * 1024;
/// Connections at once.
pub const MAX_CONNECTIONS: usize = 256;
/// The largest object that an upload stores in one request, in bytes.
pub const PUT_THRESHOLD: u64 = 16 * 1024 * 1024;
/// A part of an upload, and the first range of a download to a file, in bytes.
pub const PART_SIZE: u64 = 8 * 1024 * 1024;
/// The largest object that is copied in one request, in bytes.
pub const COPY_THRESHOLD: u64 = 256 * 1024 * 1024;
/// A part of a copy, in bytes.
pub const COPY_PART_SIZE: u64 = 128 * 1024 * 1024;
/// Parts of a transfer at once.
pub const CONCURRENCY: usize = 8;
/// Completions of an upload, or copies in one request, that nobody knows the end of.
pub const COMMITS: u32 = 3;
/// Waiting for the id of an upload that is not wanted any more; giving one up.
pub const ABORT_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest range of a download to a file whose part size is not set, in bytes.
pub const MAX_SHARE: u64 = 64 * 1024 * 1024;
/// A range of a download in order, in bytes.
pub const READ_AHEAD_PART: u64 = 4 * 1024 * 1024;
/// Bytes that are written to a file at once.
pub const DOWNLOAD_PIECE: usize = 512 * 1024;
/// What all transfers of a client hold at once, in bytes.
pub const MEMORY_LIMIT: u64 = 64 * 1024 * 1024;
/// The least of that.
pub const MIN_MEMORY_LIMIT: u64 = 8 * 1024 * 1024;
/// Files of a directory that are under way at once.
pub const FILES_AT_ONCE: usize = 32;
/// The most of these.
pub const MAX_FILES_AT_ONCE: usize = 256;
/// Failures a report of a directory holds.
pub const FAILURES: usize = 1000;
/// How long an idle connection is kept: shorter than servers and load balancers keep theirs.
pub const POOL_IDLE: Duration = Duration::from_secs(25);
/// Idle connections of a host, with the transport on hyper.
pub const MAX_IDLE_PER_HOST: usize = 64;
/// The longest frame of a body.
pub const FRAME: usize = 64 * 1024;
/// The same until it is known that they go out quickly.
pub const SMALL_FRAME: usize = 8 * 1024;
/// That quickly, in bytes a second.
pub const QUICK_PACE: u64 = 128 * 1024;
/// What transport and system hold of a body in such small frames, in bytes.
pub const BUFFERED: u64 = 256 * 1024;
/// What they hold goes out at least at this pace, in bytes a second, where no other is known.
pub const LEAST_PACE: u64 = 4096;
/// A body in a file is read in chunks of this size, one ahead of what is sent; of a stream the parts under way are held
/// in such chunks. In bytes.
pub const CHUNK: usize = 256 * 1024;
