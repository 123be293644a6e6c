//! The thread that reads the terminal, and what keys are called.

use std::io;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};

use super::Signal;
use crate::keymap::Key;
use crate::msg::Msg;
use crate::update::WHEEL_ROWS;

/// How often the thread looks whether it is still needed.
const CHECK: Duration = Duration::from_secs(1);

/// Reads the terminal, unless somebody else does.
pub(super) struct Reader(Arc<Gate>);

#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    done: bool,
    /// Another program has the terminal.
    paused: bool,
    /// The thread has noticed that.
    parked: bool,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while another program has the terminal; false when the thread is not needed any more.
    fn pass(&self) -> bool {
        let mut state = self.lock();
        while state.paused && !state.done {
            state.parked = true;
            self.changed.notify_all();
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.parked = false;
        !state.done
    }
}

impl Reader {
    pub(super) fn start(sender: SyncSender<Signal>) -> io::Result<Self> {
        let gate = Arc::new(Gate::default());
        let reader = Self(gate.clone());
        thread::Builder::new()
            .name("ratel-keys".into())
            .spawn(move || {
                while gate.pass() {
                    let read =
                        event::poll(CHECK).and_then(|ready| ready.then(event::read).transpose());
                    let signal = match read {
                        Ok(None) => continue,
                        Ok(Some(event)) => Signal::Event(event),
                        Err(error) => Signal::Gone(error),
                    };
                    let gone = matches!(signal, Signal::Gone(_));
                    if sender.send(signal).is_err() || gone {
                        return;
                    }
                }
            })?;
        Ok(reader)
    }

    /// Leaves the terminal to another program while `run` runs.
    pub(super) fn paused<T>(&self, run: impl FnOnce() -> T) -> T {
        let mut state = self.0.lock();
        state.paused = true;
        // The thread waits for the terminal, and a change of its size is something that happens there.
        #[cfg(unix)]
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGWINCH);
        let waited = self
            .0
            .changed
            .wait_timeout_while(state, 2 * CHECK, |state| !state.parked);
        drop(waited);
        let result = run();
        self.0.lock().paused = false;
        self.0.changed.notify_all();
        result
    }
}

impl Drop for Reader {
    /// The thread ends within [`CHECK`]; nothing waits for it.
    fn drop(&mut self) {
        self.0.lock().done = true;
        self.0.changed.notify_all();
    }
}

/// What an event of the terminal means.
pub(super) fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => key_of(&key).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(width, height) => Some(Msg::Resize(width, height)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Msg::Click(mouse.column, mouse.row)),
            MouseEventKind::ScrollUp => Some(Msg::Wheel(-WHEEL_ROWS, mouse.column, mouse.row)),
            MouseEventKind::ScrollDown => Some(Msg::Wheel(WHEEL_ROWS, mouse.column, mouse.row)),
            _ => None,
        },
        _ => None,
    }
}

fn key_of(event: &KeyEvent) -> Option<Key> {
    let held = |modifier| event.modifiers.contains(modifier);
    let name = match event.code {
        KeyCode::Char(c) if held(KeyModifiers::CONTROL) => {
            return Some(Key::Ctrl(c.to_ascii_lowercase()));
        }
        KeyCode::Char(c) if held(KeyModifiers::ALT) => return Some(Key::Meta(c)),
        KeyCode::Char(c) => return Some(Key::Char(c)),
        KeyCode::BackTab => return Key::parse("shift tab"),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::PageUp => "page up".to_owned(),
        KeyCode::PageDown => "page down".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::Insert => "insert".to_owned(),
        KeyCode::Backspace => "backspace".to_owned(),
        KeyCode::Delete => "delete".to_owned(),
        KeyCode::F(nth) => format!("f{nth}"),
        _ => return None,
    };
    let prefix = if held(KeyModifiers::CONTROL) {
        "ctrl "
    } else if held(KeyModifiers::ALT) {
        "meta "
    } else if held(KeyModifiers::SHIFT) {
        "shift "
    } else {
        ""
    };
    Key::parse(&format!("{prefix}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_names_that_users_know() {
        let rows = [
            (KeyCode::Char('F'), KeyModifiers::SHIFT, "F"),
            (KeyCode::Char('F'), KeyModifiers::CONTROL, "ctrl f"),
            (KeyCode::Char(' '), KeyModifiers::CONTROL, "ctrl space"),
            (KeyCode::Char('b'), KeyModifiers::ALT, "meta b"),
            (KeyCode::Right, KeyModifiers::CONTROL, "ctrl right"),
            (KeyCode::PageDown, KeyModifiers::NONE, "page down"),
            (KeyCode::BackTab, KeyModifiers::SHIFT, "shift tab"),
            (KeyCode::F(5), KeyModifiers::NONE, "f5"),
        ];
        for (code, modifiers, name) in rows {
            let key = key_of(&KeyEvent::new(code, modifiers));
            assert_eq!(key.map(|key| key.to_string()).as_deref(), Some(name));
        }
        assert_eq!(
            key_of(&KeyEvent::new(KeyCode::CapsLock, KeyModifiers::NONE)),
            None
        );
    }
}
