//! Raw connections.
