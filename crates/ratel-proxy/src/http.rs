//! Adapters between the HTTP versions on the wire and the waist.

pub(crate) mod h1;
