//! The terminal screen: a live list of flows, and what is in them.
//!
//! Model / update / view. [`update`](update::update) is pure: it changes the [`Model`](model::Model) and returns
//! [`Effect`](msg::Effect)s. [`view`](view::view) only reads. [`run`](run()) owns the terminal, the threads and the clock,
//! carries out the effects and turns their results into [`Msg`](msg::Msg)s. The store is asked through
//! [`Source`](source::Source) and never copied: the model holds positions and the rows that are visible.
//!
//! A key is bound to a command line ([`keymap`]); what a command does to the screen is in `update`, what it does to flows
//! and options in [`backend`].
//!
//! # Words
//! *Screen*: one thing that fills a pane of the terminal (list, flow, events, help); screens lie on a stack, and there are one
//! or two stacks side by side. *Pane*, in `widgets`: text that is scrolled. *Page*: the rows of the list that are visible. *Role*: what a piece of text means, from which the
//! theme makes its looks.

mod app;
pub mod backend;
mod clipboard;
pub mod editing;
pub mod errand;
mod export;
mod external;
mod files;
mod format;
pub mod keymap;
pub mod model;
pub mod msg;
mod needle;
mod run;
mod screens;
pub mod source;
mod terminal;
mod text;
pub mod theme;
pub mod update;
pub mod view;
mod widgets;

pub use app::{App, Exit, Look, ModeInfo, Programs, Proxy, ProxyInfo, Stop, TuiError};
pub use run::run;
