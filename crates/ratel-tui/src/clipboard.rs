//! The clipboard: the terminal's own way to it (OSC 52), and the programs that the system has for it.
//!
//! No terminal says whether it obeyed OSC 52, and many do not. So the system's program is asked as well where there is a
//! desktop here: beside the screen, with the text on its standard input, and not for longer than [`WAIT`].

use std::env;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ratel_core::eventlog::{EventLog, Level};
use ratel_flow::format::size;

/// A program that has not taken the text by then is ended.
const WAIT: Duration = Duration::from_secs(3);

/// How often it is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What is around this process, as far as it says how to reach a clipboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Around {
    /// The terminal is on another machine.
    ssh: bool,
    tmux: bool,
    wayland: bool,
    x11: bool,
    /// Windows, or Linux within it.
    windows: bool,
    macos: bool,
    /// The terminal knows no clipboard: a console of the kernel, a dumb one.
    bare: bool,
}

impl Around {
    fn here() -> Self {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let term = env::var("TERM").unwrap_or_default();
        Self {
            ssh: ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"]
                .iter()
                .any(|name| is_set(name)),
            tmux: is_set("TMUX"),
            wayland: is_set("WAYLAND_DISPLAY"),
            x11: is_set("DISPLAY"),
            windows: cfg!(windows) || is_set("WSL_DISTRO_NAME") || is_set("WSL_INTEROP"),
            macos: cfg!(target_os = "macos"),
            bare: matches!(term.as_str(), "linux" | "dumb"),
        }
    }
}

/// A program that puts what it reads into a clipboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Program {
    name: &'static str,
    args: &'static [&'static str],
    /// It takes UTF-16 where it would take UTF-8 for the code page of a console.
    utf16: bool,
}

const fn program(name: &'static str, args: &'static [&'static str]) -> Program {
    Program {
        name,
        args,
        utf16: false,
    }
}

const PBCOPY: Program = program("pbcopy", &[]);
const WL_COPY: Program = program("wl-copy", &[]);
const XCLIP: Program = program("xclip", &["-selection", "clipboard"]);
const XSEL: Program = program("xsel", &["--clipboard", "--input"]);
const CLIP: Program = Program {
    utf16: true,
    ..program("clip.exe", &[])
};
/// Asks tmux to hand the text to the terminal around it, since by default it takes no OSC 52 from within.
const TMUX: Program = program("tmux", &["load-buffer", "-w", "-"]);

/// How a text gets into the clipboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ways {
    /// Through the terminal.
    osc52: bool,
    /// Through tmux, as well.
    tmux: bool,
    /// The first of these that is there and works, as well.
    programs: Vec<Program>,
    /// What brings a program when none of these is there.
    install: Option<&'static str>,
}

/// The ways that make sense there. A program of this machine's desktop does not when somebody sits at another one.
fn ways(around: Around) -> Ways {
    let mut ways = Ways {
        osc52: !around.bare,
        tmux: around.tmux,
        ..Ways::default()
    };
    if around.ssh {
        return ways;
    }
    if around.macos {
        ways.programs.push(PBCOPY);
    }
    if around.windows {
        ways.programs.push(CLIP);
    }
    if around.wayland {
        ways.programs.push(WL_COPY);
        ways.install = Some("wl-clipboard");
    }
    if around.x11 {
        ways.programs.extend([XCLIP, XSEL]);
        ways.install = ways.install.or(Some("xclip or xsel"));
    }
    ways
}

/// Puts texts into the clipboard, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Clipboard {
    /// The last text that programs are given.
    last: Option<JoinHandle<()>>,
}

impl Clipboard {
    /// Puts a text into the clipboard. `terminal` writes it as OSC 52. Returns what is to be said of it; none if that is
    /// logged once it is known.
    ///
    /// # Errors
    /// When the terminal cannot be written, no thread starts, or there is no way.
    pub(crate) fn copy(
        &mut self,
        text: &[u8],
        terminal: impl FnOnce(&[u8]) -> io::Result<()>,
        log: &EventLog,
    ) -> io::Result<Option<String>> {
        let ways = ways(Around::here());
        if ways.osc52 {
            terminal(text)?;
        }
        if !ways.tmux && ways.programs.is_empty() {
            return match ways.osc52 {
                true => Ok(Some(said(text.len(), &ways, &Tried::default()).1)),
                false => Err(io::Error::other(
                    "this terminal has none; write to a file instead",
                )),
            };
        }
        let (text, log, before) = (text.to_vec(), log.clone(), self.last.take());
        let thread = thread::Builder::new()
            .name("ratel-clipboard".into())
            .spawn(move || {
                // Of two texts the later one is to stay.
                if let Some(before) = before {
                    let _ = before.join();
                }
                let tried = hand_over(&text, &ways);
                let (level, said) = said(text.len(), &ways, &tried);
                log.push(level, &said, None);
            })?;
        self.last = Some(thread);
        Ok(None)
    }

    /// Waits until programs have what was copied last.
    pub(crate) fn finish(&mut self) {
        if let Some(last) = self.last.take() {
            // A thread that panicked has said so.
            let _ = last.join();
        }
    }
}

/// What became of the programs.
#[derive(Debug, Default)]
struct Tried {
    /// They have the text.
    done: Vec<&'static str>,
    /// What went wrong with one.
    failed: Option<String>,
}

fn hand_over(text: &[u8], ways: &Ways) -> Tried {
    let mut tried = Tried::default();
    let mut give = |program: &Program| match give(program, text, WAIT) {
        Ok(()) => {
            tried.done.push(program.name);
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            tried.failed = Some(format!("{} failed: {error}", program.name));
            false
        }
    };
    let _ = ways.programs.iter().any(&mut give);
    if ways.tmux {
        give(&TMUX);
    }
    tried
}

/// Has a program read a text. It gets it as a file without a name, so that nothing waits for it to read.
fn give(program: &Program, text: &[u8], wait: Duration) -> io::Result<()> {
    let mut input = tempfile::tempfile()?;
    match program.utf16 {
        true => input.write_all(&utf16(text))?,
        false => input.write_all(text)?,
    }
    input.rewind()?;
    let mut command = Command::new(program.name);
    command.args(program.args);
    // Without it macOS takes the text for MacRoman where no locale is set.
    if program.name == PBCOPY.name {
        command.env("LC_CTYPE", "UTF-8");
    }
    match run(command, input, wait)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(io::Error::other(status.to_string())),
        None => Err(io::Error::other(format!(
            "it did not take the text within {wait:?}"
        ))),
    }
}

/// Runs a program on a file. None if it did not end in time, and was ended.
fn run(mut command: Command, input: File, wait: Duration) -> io::Result<Option<ExitStatus>> {
    command
        .stdin(input)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn()?;
    let until = Instant::now() + wait;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// UTF-16 with the mark by which Windows knows it.
fn utf16(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

/// What is said of a text of so many bytes.
fn said(len: usize, ways: &Ways, tried: &Tried) -> (Level, String) {
    let bytes = size(len as u64);
    let failed = tried.failed.as_ref();
    if !tried.done.is_empty() {
        let by = tried.done.join(" and ");
        return (
            Level::Alert,
            format!("{bytes} copied to the clipboard by {by}"),
        );
    }
    let level = match ways.osc52 {
        true => Level::Alert,
        false => Level::Error,
    };
    let mut said = match ways.osc52 {
        true => format!(
            "{bytes} copied to the clipboard, if the terminal lets programs do that (OSC 52); else x writes a file"
        ),
        false => "nothing was copied: this terminal has no clipboard".to_owned(),
    };
    match (failed, ways.install) {
        (Some(failed), _) => said.push_str(&format!("; {failed}")),
        (None, Some(install)) => {
            said.push_str(&format!("; for the desktop's clipboard install {install}"));
        }
        (None, None) => {}
    }
    (level, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is set there, by the names of the fields.
    fn around(set: &str) -> Around {
        let is_set = |name| set.split(' ').any(|other| other == name);
        Around {
            ssh: is_set("ssh"),
            tmux: is_set("tmux"),
            wayland: is_set("wayland"),
            x11: is_set("x11"),
            windows: is_set("windows"),
            macos: is_set("macos"),
            bare: is_set("bare"),
        }
    }

    #[test]
    fn what_makes_sense_where() {
        let rows: [(&str, bool, bool, &[Program]); 11] = [
            ("", true, false, &[]),
            ("macos", true, false, &[PBCOPY]),
            ("wayland", true, false, &[WL_COPY]),
            ("x11", true, false, &[XCLIP, XSEL]),
            ("wayland x11", true, false, &[WL_COPY, XCLIP, XSEL]),
            ("windows wayland", true, false, &[CLIP, WL_COPY]),
            ("tmux x11", true, true, &[XCLIP, XSEL]),
            // Whatever that machine has.
            ("ssh wayland x11 macos", true, false, &[]),
            ("ssh tmux", true, true, &[]),
            ("bare", false, false, &[]),
            ("bare x11", false, false, &[XCLIP, XSEL]),
        ];
        for (set, osc52, tmux, programs) in rows {
            let ways = ways(around(set));
            assert_eq!(
                (ways.osc52, ways.tmux, ways.programs.as_slice()),
                (osc52, tmux, programs),
                "{set}"
            );
        }
    }

    #[test]
    fn it_is_said_which_way_a_text_went() {
        let x11 = ways(around("x11"));
        let tried = |done: &[&'static str], failed: Option<&str>| Tried {
            done: done.to_vec(),
            failed: failed.map(str::to_owned),
        };
        let text = |ways: &Ways, tried| said(2048, ways, &tried).1;
        assert_eq!(
            text(&x11, tried(&["xclip", "tmux"], Some("tmux failed"))),
            "2.0k copied to the clipboard by xclip and tmux"
        );
        assert!(text(&x11, tried(&[], None)).ends_with("install xclip or xsel"));
        assert!(text(&x11, tried(&[], Some("xsel failed: no"))).ends_with("; xsel failed: no"));
        let ssh = ways(around("ssh"));
        assert!(text(&ssh, tried(&[], None)).ends_with("(OSC 52); else x writes a file"));
        let console = Ways {
            osc52: false,
            ..x11
        };
        assert_eq!(said(1, &console, &tried(&[], None)).0, Level::Error);
    }

    #[test]
    fn windows_gets_utf16() {
        assert_eq!(utf16("aé".as_bytes()), b"\xff\xfea\0\xe9\0");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_reads_all_of_a_text_and_is_not_waited_for_forever() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("taken");
        let long = "0123456789".repeat(20_000);
        let input = || {
            let mut input = tempfile::tempfile().unwrap();
            input.write_all(long.as_bytes()).unwrap();
            input.rewind().unwrap();
            input
        };
        let mut cat = Command::new("sh");
        cat.args(["-c", "cat > \"$1\"", "sh"]).arg(&file);
        let status = run(cat, input(), WAIT).unwrap();
        assert!(status.unwrap().success());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), long);
        let mut stuck = Command::new("sleep");
        stuck.arg("60");
        let ended = run(stuck, input(), Duration::from_millis(20)).unwrap();
        assert!(ended.is_none());
        let missing = give(&program("no-such-program-here", &[]), b"x", WAIT);
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
        let refused = give(&program("false", &[]), b"x", WAIT);
        assert!(refused.unwrap_err().to_string().contains("exit status: 1"));
    }
}
