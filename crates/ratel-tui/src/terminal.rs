//! The terminal, taken and given back.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use base64::Engine as _;
use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratel_core::eventlog::{EventLog, Level};

/// Bytes of a picture that are collected before they are written.
const PICTURE: usize = 64 * 1024;

type PanicHook = Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

/// A terminal in raw mode on its alternate screen, until this is dropped.
pub(crate) struct Terminal {
    inner: ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    mouse: bool,
    /// What is given back once must not be again: it would move the cursor over what was printed since.
    entered: Arc<AtomicBool>,
    hook: PanicHook,
}

impl Terminal {
    /// Takes the terminal. A panic on this thread gives it back before it is reported; one on another thread, which
    /// does not end the screen, is reported to the log.
    pub(crate) fn enter(mouse: bool, log: EventLog) -> io::Result<Self> {
        let backend = CrosstermBackend::new(BufWriter::with_capacity(PICTURE, io::stdout()));
        let inner = ratatui::Terminal::new(backend)?;
        let hook: PanicHook = panic::take_hook().into();
        let before = hook.clone();
        let entered = Arc::new(AtomicBool::new(false));
        let to_restore = entered.clone();
        let painter = thread::current().id();
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == painter {
                if to_restore.swap(false, Ordering::Relaxed) {
                    restore();
                }
                before(info);
            } else {
                log.push(
                    Level::Error,
                    &format!("a part of the program failed: {info}"),
                    None,
                );
            }
        }));
        let mut terminal = Self {
            inner,
            mouse,
            entered,
            hook,
        };
        terminal.take()?;
        Ok(terminal)
    }

    fn take(&mut self) -> io::Result<()> {
        self.entered.store(true, Ordering::Relaxed);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        if self.mouse {
            execute!(io::stdout(), EnableMouseCapture)?;
        }
        // Clears the screen and forgets what was on it. `clear` would do so too, but it asks the terminal where the
        // cursor is and fails if there is no answer.
        let (width, height) = size()?;
        self.inner.resize(Rect::new(0, 0, width, height))
    }

    /// Reacts to the mouse, or leaves it to the terminal.
    pub(crate) fn set_mouse(&mut self, mouse: bool) -> io::Result<()> {
        if self.mouse == mouse {
            return Ok(());
        }
        self.mouse = mouse;
        match mouse {
            true => execute!(io::stdout(), EnableMouseCapture),
            false => execute!(io::stdout(), DisableMouseCapture),
        }
    }

    /// Takes the terminal again, after another program had it. Returns its size, which may have changed.
    pub(crate) fn come_back(&mut self) -> io::Result<(u16, u16)> {
        self.take()?;
        size()
    }

    /// Gives the terminal back.
    pub(crate) fn leave(&mut self) {
        if self.entered.swap(false, Ordering::Relaxed) {
            restore();
        }
    }

    /// Says something where the shell's lines are, while the terminal is given back.
    pub(crate) fn say(&mut self, text: &str) {
        // Who cannot read it misses nothing else.
        let _ = execute!(io::stdout(), Print(crate::text::safe(text)), Print("\r\n"));
    }

    /// Asks the terminal to put bytes into the clipboard (OSC 52, xterm's control sequences).
    pub(crate) fn copy(&mut self, text: &[u8]) -> io::Result<()> {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        let mut out = io::stdout();
        write!(out, "\x1b]52;c;{encoded}\x07")?;
        out.flush()
    }

    /// Paints one picture.
    pub(crate) fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.inner.draw(paint)?;
        Ok(())
    }

    /// Gives the terminal back, stops the process until somebody continues it, takes the terminal again. Returns its
    /// size, which may have changed.
    pub(crate) fn suspend(&mut self) -> io::Result<(u16, u16)> {
        self.leave();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        self.take()?;
        size()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
        // The hook cannot be changed while this thread panics, and need not be.
        if !thread::panicking() {
            let hook = self.hook.clone();
            panic::set_hook(Box::new(move |info| hook(info)));
        }
    }
}

/// Undoes all that may have been done. Each step is tried whatever became of those before: the terminal may be gone.
fn restore() {
    let mut out = io::stdout();
    let _ = execute!(out, DisableMouseCapture);
    let _ = execute!(out, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen);
    let _ = execute!(out, Show);
    let _ = disable_raw_mode();
    let _ = out.flush();
}

#[cfg(all(test, unix))]
mod tests {
    use std::env;

    use ratel_testkit::{Builder, Screen};

    use super::*;

    /// Says that a terminal is there to be taken.
    const ON: &str = "RATEL_TEST_PANIC";

    /// Does nothing but for the test below, which runs it in a terminal of its own.
    #[test]
    fn a_screen_that_panics() {
        if env::var_os(ON).is_none() {
            return;
        }
        let mut terminal = Terminal::enter(true, EventLog::new(Level::Info)).unwrap();
        terminal
            .draw(|frame| frame.render_widget("a picture", frame.area()))
            .unwrap();
        terminal.draw(|_| panic!("a fault of its own")).unwrap();
    }

    #[test]
    fn a_panic_gives_the_terminal_back() {
        let program = Builder::new(env::current_exe().unwrap());
        let test = "terminal::tests::a_screen_that_panics";
        let mut screen = Screen::start(
            program.env(ON, "1").args(["--exact", test, "--nocapture"]),
            24,
            80,
        );
        assert!(!screen.ended());
        let all = String::from_utf8_lossy(&screen.raw()).into_owned();
        assert!(
            all.contains("\x1b[?1049h") && all.contains("picture"),
            "{all}"
        );
        assert!(screen.is_restored(), "{all}");
        assert!(
            screen.text().contains("a fault of its own"),
            "{}",
            screen.text()
        );
    }
}
