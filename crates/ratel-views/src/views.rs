//! The views, one file each.

pub(crate) mod archive;
pub(crate) mod code;
pub(crate) mod dns;
pub(crate) mod form;
pub(crate) mod graphql;
pub(crate) mod grpc;
pub(crate) mod hex;
pub(crate) mod http3;
pub(crate) mod image;
pub(crate) mod json;
pub(crate) mod markup;
pub(crate) mod mqtt;
pub(crate) mod msgpack;
pub(crate) mod multipart;
pub(crate) mod ndjson;
pub(crate) mod protobuf;
pub(crate) mod raw;
pub(crate) mod socketio;
pub(crate) mod sse;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod wbxml;
pub(crate) mod whole;
pub(crate) mod yaml;
