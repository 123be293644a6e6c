//! (contents follow)
