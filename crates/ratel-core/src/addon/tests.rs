use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

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
