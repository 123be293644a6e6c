//! Whether a filter can hold at all, at a moment at which parts of a flow are still to come.
//!
//! Two operators are never looked at together: of `~u a & !~u a` it is not seen that it is a contradiction, so that a
//! filter for which nothing is found may still never hold. One for which something is found never does.

use super::operators::Operator;
use super::parse::{Node, Operand, Test};
use super::{Filter, Needs};
use crate::flow::{FlowKind, Side};

/// A moment at which a filter is asked about a flow under way, without any body or message of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A client begins with TLS: a tunnel to a host is all that is known.
    Handshake,
    /// A request has come, as a head.
    Request,
    /// Its response has, too.
    Response,
    /// A connection stands that is not looked into: a tunnel to a host or, for filters with `~tcp`, a flow of bytes.
    Raw,
}

impl Filter {
    /// The operator, without its `~`, for which the filter holds for no flow at that moment; none if it may for one.
    #[must_use]
    pub fn never_holds(&self, moment: Moment) -> Option<&'static str> {
        let known = Known {
            moment,
            kind: match moment {
                Moment::Raw if self.names("tcp") => FlowKind::Tcp,
                _ => FlowKind::Http,
            },
        };
        known.barred(&self.0.root, true)
    }
}

/// What is known of a flow.
struct Known {
    moment: Moment,
    kind: FlowKind,
}

impl Known {
    /// The first operator for which a tree is never `wanted`.
    fn barred(&self, node: &Node, wanted: bool) -> Option<&'static str> {
        match node {
            Node::Not(node) => self.barred(node, !wanted),
            Node::Test(test) => (!self.can_be(test, wanted)).then_some(test.row.name),
            // One that is barred bars all.
            Node::All(nodes) if wanted => nodes.iter().find_map(|node| self.barred(node, wanted)),
            Node::Any(nodes) if !wanted => nodes.iter().find_map(|node| self.barred(node, wanted)),
            Node::All(nodes) | Node::Any(nodes) => {
                let mut each = nodes.iter().map(|node| self.barred(node, wanted));
                let first = each.next()??;
                each.all(|other| other.is_some()).then_some(first)
            }
        }
    }

    fn can_be(&self, test: &Test, wanted: bool) -> bool {
        let can_be_true = self.can_be_true(test);
        match wanted {
            true => can_be_true,
            // What is not found is not absent while some is still to come.
            false if test.row.needs.meets(self.missing()) => false,
            false => !(can_be_true && self.is_settled(test)),
        }
    }

    fn can_be_true(&self, test: &Test) -> bool {
        let is_http = self.kind == FlowKind::Http;
        let (asked, answered) = match self.moment {
            Moment::Handshake | Moment::Raw => (false, false),
            Moment::Request => (true, false),
            Moment::Response => (true, true),
        };
        match test.row.operator {
            Operator::Http => is_http,
            Operator::Tcp => self.kind == FlowKind::Tcp,
            // A flow that has failed is asked about no more.
            Operator::Udp | Operator::Dns | Operator::Body(_) | Operator::Error => false,
            Operator::Code => answered && !matches!(test.operand, Operand::Number(None, _)),
            Operator::NoResponse => is_http && !answered,
            Operator::HasResponse
            | Operator::WebSocket
            | Operator::Asset
            | Operator::Header(Some(Side::Server))
            | Operator::ContentType(Some(Side::Server)) => answered,
            Operator::Header(_) | Operator::ContentType(_) => asked,
            Operator::Domain | Operator::Url => is_http,
            Operator::Method if !asked => is_http && is_connect(test),
            Operator::Destination => self.moment != Moment::Handshake,
            _ => true,
        }
    }

    /// Whether it is the same for all flows.
    fn is_settled(&self, test: &Test) -> bool {
        match test.row.operator {
            Operator::All
            | Operator::Http
            | Operator::Tcp
            | Operator::NoResponse
            | Operator::HasResponse => true,
            Operator::Method => matches!(self.moment, Moment::Handshake | Moment::Raw),
            _ => false,
        }
    }

    fn missing(&self) -> Needs {
        let bodies = Needs::REQUEST_BODY
            .with(Needs::RESPONSE_BODY)
            .with(Needs::MESSAGES);
        match self.moment {
            Moment::Response | Moment::Raw => bodies,
            Moment::Handshake | Moment::Request => bodies.with(Needs::RESPONSE_HEAD),
        }
    }
}

/// What a tunnel is asked for with.
fn is_connect(test: &Test) -> bool {
    match &test.operand {
        Operand::Pattern(pattern) => pattern.is_match(b"CONNECT"),
        Operand::None | Operand::Number(..) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{FilterOptions, LiveHttp};
    use super::*;
    use crate::testing::{exchange, flow};

    fn barred(filter: &str) -> [Option<&'static str>; 4] {
        let filter = Filter::parse(filter, FilterOptions::default()).expect("a filter");
        [
            Moment::Handshake,
            Moment::Request,
            Moment::Response,
            Moment::Raw,
        ]
        .map(|moment| filter.never_holds(moment))
    }

    #[test]
    fn what_never_holds_is_told() {
        let rows = [
            ("~all", [None; 4]),
            ("!~all", [Some("all"); 4]),
            ("~d a & ~u b", [None; 4]),
            ("~c 200", [Some("c"), Some("c"), None, Some("c")]),
            ("!~c 200", [None; 4]),
            ("~c 99999", [Some("c"); 4]),
            ("~s", [Some("s"), Some("s"), None, Some("s")]),
            ("!~s", [None, None, Some("s"), None]),
            ("~u a & ~s", [Some("s"), Some("s"), None, Some("s")]),
            ("~u a | ~c 200", [None; 4]),
            ("~q & ~s", [Some("s"), Some("s"), Some("q"), Some("s")]),
            ("~t a", [Some("t"), None, None, Some("t")]),
            ("!~t a", [Some("t"), Some("t"), None, None]),
            ("~hs a", [Some("hs"), Some("hs"), None, Some("hs")]),
            ("~b a | ~bq b", [Some("b"); 4]),
            ("!(~u a & ~bs b)", [None; 4]),
            ("~u a | ~b b", [None; 4]),
            ("~m GET", [Some("m"), None, None, Some("m")]),
            ("~m CONNECT", [None; 4]),
            ("!~m CONNECT", [Some("m"), None, None, Some("m")]),
            ("~tcp", [Some("tcp"), Some("tcp"), Some("tcp"), None]),
            (
                "~tcp & ~d a",
                [Some("tcp"), Some("tcp"), Some("tcp"), Some("d")],
            ),
            ("~dns", [Some("dns"); 4]),
            ("~e", [Some("e"); 4]),
            ("!~e", [None; 4]),
            ("~dst :443", [Some("dst"), None, None, None]),
            ("~src 127", [None; 4]),
            (
                "~websocket",
                [
                    Some("websocket"),
                    Some("websocket"),
                    None,
                    Some("websocket"),
                ],
            ),
        ];
        for (filter, expected) in rows {
            assert_eq!(barred(filter), expected, "{filter}");
        }
    }

    /// A flow as it is at a moment.
    fn at(moment: Moment, method: &str, path: &str) -> crate::HttpFlow {
        let http = exchange(method, path);
        let record = flow(exchange(method, path));
        let (method, path) = match moment {
            Moment::Handshake | Moment::Raw => ("CONNECT", "/"),
            Moment::Request | Moment::Response => (method, path),
        };
        let mut request = exchange(method, path).request;
        if matches!(moment, Moment::Request | Moment::Response) {
            request.headers.append(b"Content-Type", b"text/a");
        }
        crate::HttpFlow {
            id: crate::FlowId(1),
            client_conn: record.client_conn.clone(),
            server_conn: record.server_conn.filter(|_| moment != Moment::Handshake),
            request: request.into(),
            response: http.response.filter(|_| moment == Moment::Response),
            error: None,
            annotations: Default::default(),
        }
    }

    fn any_filter() -> impl Strategy<Value = String> {
        let atoms = vec![
            "~all",
            "~a",
            "~b a",
            "~bq a",
            "~bs a",
            "~c 200",
            "~c 404",
            "~d site",
            "~d a",
            "~dst 443",
            "~e",
            "~h a",
            "~hq a",
            "~hs a",
            "~http",
            "~m GET",
            "~m CONNECT",
            "~marked",
            "~q",
            "~s",
            "~src 127",
            "~t a",
            "~tq a",
            "~ts a",
            "~u a",
            "~websocket",
            "~dns",
            "~udp",
        ];
        let atom = prop::sample::select(atoms).prop_map(str::to_owned);
        atom.prop_recursive(4, 24, 3, |inner| {
            let many = prop::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                inner.prop_map(|one| format!("!({one} )")),
                many.clone()
                    .prop_map(|all| format!("({} )", all.join(" & "))),
                many.prop_map(|any| format!("({} )", any.join(" | "))),
            ]
        })
    }

    proptest! {
        /// What is said to hold never does.
        #[test]
        fn what_is_barred_does_not_hold(filter in any_filter(), get: bool, path in "/[ab]") {
            let filter = Filter::parse(&filter, FilterOptions::default()).expect("a filter");
            for moment in [Moment::Handshake, Moment::Request, Moment::Response, Moment::Raw] {
                let flow = at(moment, if get { "GET" } else { "POST" }, &path);
                let missing = Known { moment, kind: FlowKind::Http }.missing();
                let judged = filter.judge(&LiveHttp::new(&flow), missing);
                if filter.never_holds(moment).is_some() {
                    prop_assert_ne!(judged, Some(true), "{:?} {:?}", moment, filter);
                }
            }
        }
    }
}
