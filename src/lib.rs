//! Unofficial client for Tencent Cloud Object Storage (COS).
