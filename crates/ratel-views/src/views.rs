//! The views, one file each.

pub(crate) mod grpc;
pub(crate) mod hex;
pub(crate) mod json;
pub(crate) mod ndjson;
pub(crate) mod protobuf;
pub(crate) mod raw;
pub(crate) mod sse;
