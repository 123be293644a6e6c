use ratel_flow::Timestamp;

use ratel_core::eventlog::Entry;
use ratel_core::store::Update;
use ratel_flow::FlowId;

use super::*;
use crate::app::{Look, ProxyInfo};
use crate::model::Tab;
use crate::source::{BodyFrom, Of, OpenQuery, Page, PageQuery, Target};
use ratel_flow::Side;

fn model() -> Model {
    let mut model = Model::new(ProxyInfo::default(), Look::default(), Arc::default());
    update(&mut model, Msg::Resize(80, 24));
    update(&mut model, Msg::Frame(Timestamp(1)));
    let focus = Some((FlowId(5), 4));
    update(
        &mut model,
        Msg::Page(Page {
            shown: 10,
            focus,
            ..Page::default()
        }),
    );
    model.take_dirty();
    model
}

fn frame(model: &mut Model) -> Vec<Effect> {
    update(model, Msg::Frame(Timestamp(1)))
}

#[test]
fn a_picture_asks_for_the_visible_rows_once() {
    let mut model = model();
    assert_eq!(frame(&mut model), []);
    update(&mut model, Msg::Key(Key::Char('j')));
    let query = PageQuery {
        target: Target::At(5),
        focus: Some((FlowId(5), 4)),
        top: 0,
        height: 21,
    };
    assert_eq!(frame(&mut model), [Effect::Page(query)]);
    assert_eq!(frame(&mut model), []);
}

#[test]
fn keys_before_a_picture_add_up() {
    let mut model = model();
    for key in "jjkjj".chars() {
        update(&mut model, Msg::Key(Key::Char(key)));
    }
    assert!(matches!(
        frame(&mut model)[..],
        [Effect::Page(PageQuery {
            target: Target::At(7),
            ..
        })]
    ));
}

#[test]
fn traffic_that_is_not_visible_draws_nothing() {
    let mut model = model();
    update(&mut model, Msg::Store(Update::Changed(FlowId(77))));
    assert!(!model.take_dirty());
    update(&mut model, Msg::Store(Update::Added(FlowId(78))));
    assert!(model.take_dirty());
}

#[test]
fn an_open_flow_is_read_when_it_changes_and_on_another_tab() {
    let mut model = model();
    update(&mut model, Msg::Key(Key::Named("enter")));
    let open = |side| {
        Effect::Open(OpenQuery {
            id: FlowId(5),
            of: Of::Body(side, BodyFrom::Start),
        })
    };
    assert!(frame(&mut model).contains(&open(Side::Client)));
    update(&mut model, Msg::Key(Key::Named("tab")));
    assert_eq!(frame(&mut model), [open(Side::Server)]);
    update(&mut model, Msg::Store(Update::Changed(FlowId(5))));
    assert_eq!(frame(&mut model), [open(Side::Server)]);
    update(&mut model, Msg::Key(Key::Named("tab")));
    assert_eq!(model.flow_view().map(|view| view.tab()), Some(Tab::Detail));
    assert_eq!(
        frame(&mut model),
        [Effect::Open(OpenQuery {
            id: FlowId(5),
            of: Of::Facts
        })]
    );
}

#[test]
fn messages_go_away_by_themselves() {
    let mut model = model();
    let entry = Entry {
        level: Level::Warn,
        timestamp: Timestamp(7),
        message: "look".into(),
        client: None,
    };
    update(&mut model, Msg::LogRead(vec![entry]));
    let deadline = model.deadline().unwrap();
    assert_eq!(deadline, Timestamp(5_000_000_007));
    update(&mut model, Msg::Frame(deadline));
    assert_eq!(model.deadline(), None);
}

#[test]
fn quitting_and_suspending_are_effects() {
    let mut model = model();
    assert_eq!(
        update(&mut model, Msg::Key(Key::Char('q'))),
        [Effect::CountHeld]
    );
    assert_eq!(update(&mut model, Msg::Key(Key::Char('y'))), [Effect::Quit]);
    assert_eq!(update(&mut model, Msg::Key(Key::Char('Q'))), [Effect::Quit]);
    assert_eq!(
        update(&mut model, Msg::Key(Key::Ctrl('z'))),
        [Effect::Suspend]
    );
}
