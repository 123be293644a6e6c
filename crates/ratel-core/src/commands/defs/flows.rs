//! What is done to flows.

use crate::commands::def::{ArgKind, CommandDef, Param, Section};

const FLOWS: Param = Param::new("flows", ArgKind::Flows);
const FLOW: Param = Param::new("flow", ArgKind::Flow);
const PART: Param = Param::new("part", ArgKind::OneOf("console.bodyview.options"));
const TO_CLIENT: Param = Param::new("to_client", ArgKind::Bool);
/// Whose messages.
const SENDER: Param = Param::new("sender", ArgKind::Choice("flow.message.senders")).or("focus");
const MESSAGE: Param = Param::new("message", ArgKind::Bytes);

pub(super) const SECTION: Section = Section {
    title: "Flows",
    defs: &[
        CommandDef::new(
            "flow.comment",
            &[
                Param::new("flow", ArgKind::Flows),
                Param::new("comment", ArgKind::Str).text(),
            ],
            "Comment on flows. An empty comment removes the one that is there.",
        ),
        CommandDef::new(
            "flow.decode",
            &[FLOWS, PART],
            "Remove the content encoding of requests or responses. What was there can be had back by `flow.revert`.",
        ),
        CommandDef::new(
            "flow.encode",
            &[
                FLOWS,
                PART,
                Param::new("encoding", ArgKind::Choice("flow.encode.options")),
            ],
            "Apply a content encoding to requests or responses that have none.",
        ),
        CommandDef::new(
            "flow.encode.options",
            &[],
            "List the content encodings that can be applied.",
        )
        .lists(&["gzip", "deflate", "br", "zstd"]),
        CommandDef::new(
            "flow.encode.toggle",
            &[FLOWS, PART],
            "Remove the content encoding, or apply one where there is none.",
        ),
        CommandDef::new(
            "flow.kill",
            &[FLOWS],
            "End live flows: their connections are closed on both sides.",
        ),
        CommandDef::new(
            "flow.mark",
            &[FLOWS, Param::new("marker", ArgKind::Marker)],
            "Mark flows, by a name such as `:star:` or by `true` for a dot; `false` removes the mark.",
        ),
        CommandDef::new(
            "flow.mark.toggle",
            &[FLOWS],
            "Mark flows, or remove the mark they have.",
        ),
        CommandDef::new(
            "flow.message.drop",
            &[FLOWS, SENDER],
            "Keep messages that are held back from their receivers, and let those behind them go on: the one in `focus`, or those \
             of `both` sides, of the `client` or of the `server`. In a list of flows `focus` is both.",
        )
        .own(),
        CommandDef::new(
            "flow.message.resume",
            &[FLOWS, SENDER],
            "Let messages that are held back go on: the one in `focus`, or those of `both` sides, of the `client` or of the \
             `server`. In a list of flows `focus` is both.",
        )
        .own(),
        CommandDef::new(
            "flow.message.senders",
            &[],
            "List whose messages `flow.message.drop` and `flow.message.resume` can be told to act on.",
        )
        .lists(&["focus", "both", "client", "server"])
        .own(),
        CommandDef::new(
            "flow.resume",
            &[FLOWS],
            "Let intercepted flows go on. Where single messages are looked at, that is the one in focus, if it is held.",
        ),
        CommandDef::new(
            "flow.revert",
            &[FLOWS],
            "Undo what was changed in flows. Of a flow that is held back that is what was edited since it is held.",
        ),
        CommandDef::new(
            "flow.set",
            &[
                FLOWS,
                Param::new("attr", ArgKind::Choice("flow.set.options")),
                Param::new("value", ArgKind::Str).text(),
            ],
            "Change one attribute of requests or responses.",
        ),
        CommandDef::new(
            "flow.set.options",
            &[],
            "List the attributes that `flow.set` changes.",
        )
        .lists(&["host", "status_code", "method", "path", "url", "reason"]),
        CommandDef::new(
            "inject.message",
            &[FLOW, TO_CLIENT, MESSAGE],
            "Send a message into a live stream of any kind, as if the other side had sent it: an event, a message of gRPC, a line of \
             JSON, a text of a WebSocket, bytes. A message of gRPC is given by its fields, `{name: x}` or JSON, as `protobuf_definitions` \
             has them or by number, or as its bytes, `\\x0a\\x01x`, without the frame. Messages in bodies are told apart only where a rule or `intercept` looks at them.",
        )
        .own(),
        CommandDef::new(
            "inject.tcp",
            &[FLOW, TO_CLIENT, MESSAGE],
            "Send bytes into a live TCP connection, as if the other side had sent them.",
        ),
        CommandDef::new(
            "inject.udp",
            &[FLOW, TO_CLIENT, MESSAGE],
            "Send a datagram into a live UDP flow, as if the other side had sent it.",
        ),
        CommandDef::new(
            "inject.websocket",
            &[
                FLOW,
                TO_CLIENT,
                MESSAGE,
                Param::new("is_text", ArgKind::Bool).or("true"),
            ],
            "Send a message into a live WebSocket, as if the other side had sent it.",
        ),
        CommandDef::new(
            "save.file",
            &[FLOWS, Param::new("path", ArgKind::Path)],
            "Write flows to a flow file. A leading `+` appends to the file.",
        ),
        CommandDef::new(
            "save.har",
            &[FLOWS, Param::new("path", ArgKind::Path)],
            "Write flows to a HAR file. A name ending in `.zhar` makes a compressed one.",
        ),
        CommandDef::new(
            "script.run",
            &[FLOWS, Param::new("path", ArgKind::Path)],
            "Run a Python addon once over flows.",
        )
        .planned("Python addons come in a later release"),
    ],
};
