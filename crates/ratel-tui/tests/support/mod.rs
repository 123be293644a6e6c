//! A screen without a terminal, and flows without a store.

mod effects;
mod fake;
mod flows;
mod sample;
mod subject;
mod ui;

pub(crate) use fake::Fake;
pub(crate) use flows::Flows;
pub(crate) use sample::sample;
pub(crate) use ui::Ui;
