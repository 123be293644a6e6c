//! A terminal that is looked at: a program runs in a pseudo-terminal, and the screen it paints is text.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::ratel::Builder;
use crate::wait;

/// A program in a terminal of a fixed size; killed on drop.
pub struct Screen {
    parser: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    /// Ends when the program has left the terminal and everything it wrote is read.
    painter: std::thread::JoinHandle<()>,
    _home: Builder,
}

impl Screen {
    /// Starts the program in a terminal of so many rows and columns.
    ///
    /// # Panics
    /// When the system gives no pseudo-terminal, or the program does not start.
    pub fn start(builder: Builder, rows: u16, cols: u16) -> Self {
        let size = PtySize {
            rows,
            cols,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system()
            .openpty(size)
            .expect("a pseudo-terminal");
        let (program, args) = builder.command_line();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(builder.home());
        command.env_clear();
        command.env("TERM", "xterm-256color");
        for (name, value) in builder.environment() {
            command.env(name, value);
        }
        let child = pair
            .slave
            .spawn_command(command)
            .expect("the program starts");
        drop(pair.slave);
        let reader = pair
            .master
            .try_clone_reader()
            .expect("a pseudo-terminal can be read");
        let keys = pair
            .master
            .take_writer()
            .expect("a pseudo-terminal can be written");
        let parser = Arc::new(Mutex::new(vt100::Parser::new(rows, cols, 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let painter = paint(reader, Arc::clone(&parser), Arc::clone(&raw));
        Self {
            parser,
            raw,
            keys,
            child,
            master: pair.master,
            painter,
            _home: builder,
        }
    }

    /// Types these bytes.
    ///
    /// # Panics
    /// When the program has closed its terminal.
    pub fn keys(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .expect("keys can be typed");
        self.keys.flush().expect("keys can be typed");
    }

    /// Changes the size of the terminal.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn resize(&mut self, rows: u16, cols: u16) {
        self.parser
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .screen_mut()
            .set_size(rows, cols);
        self.master
            .resize(PtySize {
                rows,
                cols,
                pixel_width: 0,
                pixel_height: 0,
            })
            .expect("a terminal can be resized");
    }

    /// What the screen shows, as lines of text.
    pub fn text(&self) -> String {
        self.parser
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .screen()
            .contents()
    }

    /// Everything the program has written, escape sequences included.
    pub fn raw(&self) -> Vec<u8> {
        self.raw
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether the program has left the terminal as it found it: main screen, visible cursor, no mouse reports.
    pub fn is_restored(&self) -> bool {
        let parser = self.parser.lock().unwrap_or_else(PoisonError::into_inner);
        let screen = parser.screen();
        let mouse = screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste() && !mouse
    }

    /// Waits until the screen shows `needle`, and returns the screen.
    pub fn wait_for(&self, needle: &str) -> String {
        self.wait(needle, |text| text.contains(needle))
    }

    /// Waits until `look` likes the screen, and returns it.
    ///
    /// # Panics
    /// When that does not happen within the limit, with the screen as it was last.
    pub fn wait(&self, what: &str, look: impl Fn(&str) -> bool) -> String {
        let end = std::time::Instant::now() + wait::LIMIT;
        loop {
            let text = self.text();
            if look(&text) {
                return text;
            }
            assert!(
                std::time::Instant::now() < end,
                "waited in vain for {what:?} on the screen:\n{text}"
            );
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }

    /// The process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }

    /// Waits for the program to end; true when it says that all went well.
    pub fn ended(&mut self) -> bool {
        let child = &mut self.child;
        let status = wait::until("the program to leave its terminal", || {
            child.try_wait().expect("a child can be asked")
        });
        // Its last words may still be on their way.
        let painter = &self.painter;
        wait::until("the terminal to be read to its end", || {
            painter.is_finished().then_some(())
        });
        status.success()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn paint(
    mut reader: Box<dyn Read + Send>,
    parser: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = reader.read(&mut piece) {
            raw.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(&piece[..read]);
            parser
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .process(&piece[..read]);
        }
    })
}
