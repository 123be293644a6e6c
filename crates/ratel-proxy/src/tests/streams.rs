//! Messages in bodies.
