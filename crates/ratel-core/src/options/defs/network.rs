//! A bad network on demand.

use crate::options::def::options;

const NETWORK: &str = "Bad network";

options! { "Bad network";
    THROTTLE: list("throttle", &[]).flag().metavar("RULE").group(NETWORK).own()
        .help("Slow flows down. `[FILTER : ]PROFILE`, where a profile is `3g`, `edge` or another name, and figures such as \
            `latency=300ms down=1.5mbit loss=2%`.");
    FAULT: list("fault", &[]).flag().metavar("RULE").group(NETWORK).own()
        .help("Have flows fail. `[FILTER : ]FAULT[ @ PERCENT]`, where a fault is a status such as `503`, or `delay`, `timeout`, \
            `reset`, `truncate`, `tls`, `grpc`, `rst_stream` or `goaway` with what belongs to it.");
    FAULT_SEED: opt_int("fault_seed").own()
        .help("The same seed has the same flows fail and wait. Without one nobody knows which.");
    NETWORK_ACTIVE: bool("network_active", true).own()
        .help("Whether `throttle` and `fault` are in force.");
}
