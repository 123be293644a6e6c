use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ratel_flow::Request;
use ratel_flow::filter::{Filter, FilterOptions, Stage};

use super::*;
use crate::options::keys;

/// Takes part in requests while `anticache` is on; refuses to be without `server`.
#[derive(Default)]
struct Moody {
    on: AtomicBool,
    refresh: Mutex<Refresh>,
}

impl Addon for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }

    fn attached(&self, refresh: Refresh) {
        *self.refresh.lock().unwrap() = refresh;
    }

    fn hooks(&self) -> HookSet {
        if self.on.load(Ordering::Relaxed) {
            HookSet::NONE.with(Hook::Request)
        } else {
            HookSet::NONE
        }
    }

    fn configure(&self, options: &Values, _changed: &[&str]) -> Result<(), String> {
        if !options.bool(keys::SERVER) {
            return Err("no".into());
        }
        self.on
            .store(options.bool(keys::SHOWHOST), Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn hooks_follow_options() {
    let moody = Arc::new(Moody::default());
    let chain = AddonChain::new(vec![moody.clone()]);
    assert!(!chain.wants(Hook::Request));
    let mut values = Values::default();
    values
        .set("showhost", crate::options::Value::Bool(true))
        .unwrap();
    chain.configure(&values, &["showhost"]).unwrap();
    assert!(chain.wants(Hook::Request) && !chain.wants(Hook::Response));
    values
        .set("server", crate::options::Value::Bool(false))
        .unwrap();
    assert_eq!(chain.configure(&values, &["server"]), Err("no".into()));
    assert!(chain.wants(Hook::Request), "it keeps what it had");
    moody.on.store(false, Ordering::Relaxed);
    assert!(chain.wants(Hook::Request), "nobody has asked");
    moody.refresh.lock().unwrap().refresh();
    assert!(!chain.wants(Hook::Request));
}

#[test]
fn needs_add_up() {
    let needs = BodyNeeds::default().and(BodyNeed::Messages);
    assert!(needs.messages && !needs.whole);
    let needs = needs.and(BodyNeed::IfSmall);
    assert!(needs.messages && needs.whole && !needs.insists);
    assert!(needs.and(BodyNeed::Whole).insists);
}

/// Says for which requests it was called, and may change where they go.
struct Rule {
    filter: Mutex<&'static str>,
    goes_to: Option<&'static str>,
    called: Mutex<Vec<String>>,
}

impl Rule {
    fn new(filter: &'static str, goes_to: Option<&'static str>) -> Arc<Self> {
        Arc::new(Self {
            filter: Mutex::new(filter),
            goes_to,
            called: Mutex::default(),
        })
    }

    fn called(&self) -> Vec<String> {
        std::mem::take(&mut self.called.lock().unwrap())
    }
}

impl Addon for Rule {
    fn name(&self) -> &'static str {
        "rule"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE
            .with(Hook::RequestHeaders)
            .with(Hook::Request)
            .with(Hook::Response)
    }

    fn gates(&self) -> Vec<Gate> {
        let filter = *self.filter.lock().unwrap();
        let filter = Filter::parse(filter, FilterOptions::default()).unwrap();
        let hooks = HookSet::NONE.with(Hook::Request).with(Hook::Response);
        vec![
            Gate::while_unanswered(
                Hook::RequestHeaders,
                [filter.clues(Stage::Unanswered)].into_iter(),
            ),
            Gate::new(hooks, [filter.clues(Stage::Any)].into_iter()),
        ]
    }

    fn wants_bodies(&self) -> bool {
        true
    }

    fn body_need(&self, _: &HttpFlow, _: &Bodies, _: Side) -> BodyNeed {
        BodyNeed::Whole
    }

    fn http<'a>(&'a self, hook: Hook, flow: &'a mut HttpFlow, _: &'a mut Bodies) -> HookFuture<'a> {
        let call = format!("{} {}", hook.name(), flow.request.url());
        self.called.lock().unwrap().push(call);
        if let Some(to) = self.goes_to {
            flow.request.set_url(to).unwrap();
        }
        done()
    }
}

/// What these addons do, they do at once.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn an_addon_is_called_for_requests_that_its_rules_may_be_for() {
    let (first, second) = (
        Rule::new("~u /old", Some("http://b.test/new")),
        Rule::new("~d b[.]test & ~s", None),
    );
    let chain = AddonChain::new(vec![first.clone(), second.clone()]);
    let mut bodies = Bodies::default();

    let mut flow = flow("http://a.test/x");
    for hook in [Hook::RequestHeaders, Hook::Request, Hook::Response] {
        assert!(!chain.wants_for(hook, &flow));
        at_once(chain.http(hook, &mut flow, &mut bodies));
    }
    let needs = chain.body_needs(&flow, &bodies, Side::Client);
    assert_eq!(needs, BodyNeeds::default());
    assert!(first.called().is_empty() && second.called().is_empty());

    // What one does to a request is seen by the gates of those behind it.
    flow.request.set_url("http://a.test/old").unwrap();
    assert!(chain.body_needs(&flow, &bodies, Side::Client).insists);
    assert!(chain.wants_for(Hook::RequestHeaders, &flow));
    at_once(chain.http(Hook::Request, &mut flow, &mut bodies));
    assert_eq!(first.called(), ["request http://a.test/old"]);
    assert_eq!(second.called(), ["request http://b.test/new"]);
    // As long as there is no response, none can match.
    assert!(!chain.wants_for(Hook::RequestHeaders, &flow));
    assert!(chain.wants_for(Hook::Response, &flow));

    // Rules change while a flow is under way.
    *second.filter.lock().unwrap() = "~d c[.]test";
    assert!(chain.wants_for(Hook::Response, &flow));
    chain.configure(&Values::default(), &[]).unwrap();
    assert!(!chain.wants_for(Hook::Response, &flow));
}

fn conn() -> Arc<ClientConn> {
    Arc::new(ClientConn {
        id: ratel_flow::ConnId(1),
        peername: ([127, 0, 0, 1], 1).into(),
        sockname: ([127, 0, 0, 1], 2).into(),
        proxy_mode: "regular".into(),
        timestamp_start: crate::clock::now(),
        timestamp_end: None,
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    })
}

fn flow(url: &str) -> HttpFlow {
    let now = crate::clock::now();
    let mut request = Request {
        method: "GET".into(),
        target: "/".into(),
        version: ratel_flow::Version::Http11,
        line: None,
        headers: ratel_flow::Headers::new(),
        pseudo: ratel_flow::Headers::new(),
        scheme: ratel_flow::Scheme::Http,
        host: "a.test".into(),
        port: 80,
        path: "/".into(),
        timestamp_start: now,
    };
    request.set_url(url).unwrap();
    HttpFlow {
        id: ratel_flow::FlowId(1),
        client_conn: conn(),
        server_conn: None,
        request: request.into(),
        response: None,
        error: None,
        annotations: LiveAnnotations::default(),
    }
}

/// Is for responses of one kind.
#[derive(Default)]
struct OfResponses(Mutex<usize>);

impl Addon for OfResponses {
    fn name(&self) -> &'static str {
        "of_responses"
    }

    fn hooks(&self) -> HookSet {
        HookSet::NONE.with(Hook::ResponseHeaders)
    }

    fn gates(&self) -> Vec<Gate> {
        let filter = Filter::parse("~s & ~t image", FilterOptions::default()).unwrap();
        let clues = [filter.clues(Stage::Answered)].into_iter();
        vec![Gate::once_answered(Hook::ResponseHeaders, clues)]
    }

    fn http<'a>(&'a self, _: Hook, _: &'a mut HttpFlow, _: &'a mut Bodies) -> HookFuture<'a> {
        *self.0.lock().unwrap() += 1;
        done()
    }
}

#[test]
fn what_opens_a_gate_may_be_in_the_response() {
    let addon = Arc::new(OfResponses::default());
    let chain = AddonChain::new(vec![addon.clone()]);
    let call = |asked: &str, answered: &str| {
        let mut flow = flow("http://a.test/x");
        flow.request
            .headers
            .append(b"Content-Type", asked.as_bytes());
        let mut response = ratel_flow::Response::new(200, crate::clock::now());
        response
            .headers
            .append(b"content-type", answered.as_bytes());
        flow.response = Some(response);
        let wanted = chain.wants_for(Hook::ResponseHeaders, &flow);
        assert_eq!(
            wanted,
            [asked, answered]
                .iter()
                .any(|kind| kind.starts_with(['i', 'I']))
        );
        at_once(chain.http(Hook::ResponseHeaders, &mut flow, &mut Bodies::default()));
        std::mem::take(&mut *addon.0.lock().unwrap())
    };
    assert_eq!(call("text/plain", "text/html"), 0);
    assert_eq!(call("text/plain", "Image/png"), 1);
    assert_eq!(call("image/png", "text/html"), 1);
}
