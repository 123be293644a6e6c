//! Black-box tests: the real binary in a sealed home, between real peers.
//!
//! Each file is one promise to the user. Peers that are missing skip their tests with a notice (see `ratel-testkit`).

mod bodies;
mod browser;
mod ca;
mod common;
mod convert;
mod docs;
mod documented;
mod dump;
mod export;
mod faults;
mod files;
mod grpc;
mod http2;
mod intercept;
mod keylog;
mod ldap;
mod limits;
mod listeners;
mod modes;
mod network;
mod onboarding;
mod options;
mod passthrough;
mod python;
mod replay;
mod replay_options;
mod rules;
mod seed;
mod shutdown;
mod streaming;
mod tls_clients;
mod tls_servers;
mod tui;
mod verify;
mod websocket;
mod wire;
mod wire_cases;
