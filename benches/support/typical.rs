//! A typical request.

pub const PATH: &str = "/photos/2026/03/a picture.png";
pub const BUCKET: &str = "examplebucket-1250000000";
pub const REGION: &str = "ap-guangzhou";

/// As long as those of STS.
pub fn token() -> String {
    let base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    base64.chars().cycle().take(500).collect()
}
