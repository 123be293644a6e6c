//! Adapters between the HTTP versions on the wire and the waist.

pub(crate) mod convert;
pub(crate) mod h1;
pub(crate) mod h2;
