//! A guard round the real program: starts it in a sealed home, reads its ports back, ends it on drop.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use tempfile::TempDir;

use crate::{peer, process, wait};

/// What is started: the program, its arguments and its surroundings.
pub struct Builder {
    program: PathBuf,
    home: TempDir,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    servers: usize,
}

impl Builder {
    /// A program in a fresh, empty home: no environment but `PATH`, `HOME`, `TMPDIR` and the locale.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        Self {
            program: program.into(),
            home,
            args: Vec::new(),
            env: Vec::new(),
            servers: 1,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// How many listeners the arguments ask for; 1 unless told. [`Builder::start`] waits for so many.
    #[must_use]
    pub fn servers(mut self, count: usize) -> Self {
        self.servers = count;
        self
    }

    /// The home folder, to put files into before the start.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .current_dir(self.home.path())
            .env_clear()
            .envs(self.environment());
        command
    }

    /// The environment of the program.
    pub fn environment(&self) -> impl Iterator<Item = (OsString, OsString)> + '_ {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let home = self.home.path().as_os_str().to_owned();
        let base = [
            ("PATH", path),
            ("HOME", home.clone()),
            ("TMPDIR", home),
            ("LC_ALL", "C.UTF-8".into()),
        ];
        base.into_iter()
            .map(|(name, value)| (name.into(), value))
            .chain(self.env.iter().cloned())
    }

    /// Runs the program to its end; for command lines that do not serve.
    pub fn run(self) -> Output {
        peer::output(&mut self.command())
    }

    /// The program and its arguments, for those who start it themselves.
    pub fn command_line(&self) -> (&Path, &[OsString]) {
        (&self.program, &self.args)
    }

    /// Starts the program and waits until it listens.
    ///
    /// # Panics
    /// When it ends instead, or says nothing within the limit.
    pub fn start(self) -> Ratel {
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.program.display()));
        let text = Arc::new(Text::default());
        collect(child.stdout.take().expect("a pipe"), &text);
        collect(child.stderr.take().expect("a pipe"), &text);
        let mut ratel = Ratel {
            child,
            home: self.home,
            text,
            ports: Vec::new(),
        };
        let servers = self.servers;
        ratel.ports = ratel.wait("it to listen", |text| {
            Some(ports(text)).filter(|ports| ports.len() >= servers)
        });
        ratel
    }
}

/// The ports of the lines that end in `listening at HOST:PORT.`, in the order they were printed.
fn ports(text: &str) -> Vec<u16> {
    let complete = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let port = |line: &str| {
        let address = line.split_once(" listening at ")?.1;
        let digits: String = address
            .rsplit(':')
            .next()?
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().ok()
    };
    complete.lines().filter_map(port).collect()
}

#[derive(Default)]
struct Text {
    so_far: Mutex<Seen>,
    grown: Condvar,
}

#[derive(Default)]
struct Seen {
    text: Vec<u8>,
    ended: usize,
}

fn collect(mut pipe: impl Read + Send + 'static, text: &Arc<Text>) {
    let text = Arc::clone(text);
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        loop {
            let read = pipe.read(&mut piece).unwrap_or(0);
            let mut seen = text.so_far.lock().unwrap_or_else(PoisonError::into_inner);
            seen.text.extend_from_slice(&piece[..read]);
            seen.ended += usize::from(read == 0);
            text.grown.notify_all();
            if read == 0 {
                return;
            }
        }
    });
}

/// The running program; killed on drop.
pub struct Ratel {
    child: Child,
    home: TempDir,
    text: Arc<Text>,
    ports: Vec<u16>,
}

impl Ratel {
    /// The port of its first listener.
    pub fn port(&self) -> u16 {
        self.ports[0]
    }

    /// The ports of all listeners, in the order of the modes.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// A file of the configuration folder.
    pub fn config_file(&self, name: &str) -> PathBuf {
        self.home.path().join(".ratel").join(name)
    }

    /// What it has printed so far, both streams in the order they were read.
    pub fn output(&self) -> String {
        let seen = self
            .text
            .so_far
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&seen.text).into_owned()
    }

    /// Waits until the output holds `needle`, and returns all of it.
    pub fn wait_output(&self, needle: &str) -> String {
        self.wait(&format!("{needle:?} in its output"), |text| {
            text.contains(needle).then(|| text.to_owned())
        })
    }

    fn wait<T>(&self, what: &str, look: impl Fn(&str) -> Option<T>) -> T {
        let end = Instant::now() + wait::LIMIT;
        let mut seen = self
            .text
            .so_far
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            let text = String::from_utf8_lossy(&seen.text).into_owned();
            if let Some(found) = look(&text) {
                return found;
            }
            assert!(
                seen.ended < 2,
                "the program ended while a test waited for {what}; it printed:\n{text}"
            );
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited in vain for {what}; the program printed:\n{text}"
            );
            seen = self
                .text
                .grown
                .wait_timeout(seen, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Whether the process is still there.
    pub fn is_alive(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("a child can be asked")
            .is_none()
    }

    /// Asks it to end, as a service manager does, and waits for that.
    pub fn terminate(mut self) -> (ExitStatus, String) {
        process::signal(self.pid(), "TERM");
        self.ended()
    }

    /// Waits for the process to end by itself, and returns how it ended with all that it printed.
    pub fn ended(&mut self) -> (ExitStatus, String) {
        let child = &mut self.child;
        let status = wait::until("the program to end", || {
            child.try_wait().expect("a child can be asked")
        });
        wait::until("the end of its output", || {
            let seen = self
                .text
                .so_far
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            (seen.ended == 2).then_some(())
        });
        (status, self.output())
    }
}

impl Drop for Ratel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::ports;

    #[test]
    fn ports_are_read_from_startup_lines() {
        let rows: [(&str, &[u16]); 4] = [
            (
                "[10:00:00.000] HTTP(S) proxy listening at 127.0.0.1:4711.\n",
                &[4711],
            ),
            (
                "reverse proxy to https://h:1 listening at *:8080.\nx listening at [::1]:81 and 127.0.0.1:82.\n",
                &[8080, 82],
            ),
            ("HTTP(S) proxy listening at 127.0.0.1:47", &[]),
            ("nothing here\n", &[]),
        ];
        for (text, expected) in rows {
            assert_eq!(ports(text), expected, "{text:?}");
        }
    }
}
