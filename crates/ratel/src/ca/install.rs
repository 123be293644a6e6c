//! `ratel ca install` and `ratel ca remove`: says every command, asks, runs them, and looks whether it worked.

use std::io::{self, BufRead, IsTerminal, Write};

use super::machine::{Machine, Os, Step};
use super::stores::{self, Kind, State, Store, Subject};
use crate::errand::{self, Trouble};

/// What is wanted.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// To put it in rather than to take it out.
    pub(super) install: bool,
    /// The kinds of stores; all that are found if empty.
    pub(super) kinds: Vec<Kind>,
    /// Do not ask.
    pub(super) yes: bool,
}

/// The user.
pub(super) trait User {
    fn tell(&mut self, line: &str);
    /// Yes or no; `None` when there is nobody to ask.
    fn ask(&mut self, question: &str) -> Option<bool>;
}

/// The user at the terminal.
pub(super) struct Terminal;

impl User for Terminal {
    fn tell(&mut self, line: &str) {
        errand::print(&format!("{line}\n"));
    }

    fn ask(&mut self, question: &str) -> Option<bool> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return None;
        }
        errand::print(question);
        let _ = io::stdout().flush();
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        let answer = answer.trim().to_lowercase();
        Some(read.is_ok() && matches!(answer.as_str(), "y" | "yes"))
    }
}

/// The stores that are meant.
fn chosen(machine: &dyn Machine, wish: &Wish, user: &mut dyn User) -> Result<Vec<Store>, Trouble> {
    let (mut stores, missing) = stores::find(machine);
    let wanted = |kind: &Kind| wish.kinds.is_empty() || wish.kinds.contains(kind);
    stores.retain(|store| wanted(&store.kind));
    for line in missing.iter().filter(|_| wanted(&Kind::Nss)) {
        user.tell(&format!("note: {line}"));
    }
    for kind in &wish.kinds {
        if !stores.iter().any(|store| store.kind == *kind) {
            let what = match kind {
                Kind::System => "no system store that Ratel knows how to change",
                Kind::Nss => "no NSS database (of Firefox or Chromium) that can be changed",
                Kind::Java => "no Java keystore that can be changed",
            };
            return Err(Trouble::new(format!("{what} was found"))
                .hint("`ratel ca trust` says how to make single programs trust the certificate"));
        }
    }
    Ok(stores)
}

/// What is to be done to a store.
struct Change {
    store: Store,
    steps: Vec<Step>,
}

fn is_done(machine: &dyn Machine, subject: &Subject<'_>, wish: &Wish, store: &Store) -> bool {
    if wish.install {
        store.state(machine, subject) == State::Trusted
    } else {
        !store.holds(machine, subject)
    }
}

pub(super) fn go(
    machine: &dyn Machine,
    subject: &Subject<'_>,
    wish: &Wish,
    user: &mut dyn User,
) -> Result<(), Trouble> {
    let mut changes = Vec::new();
    for store in chosen(machine, wish, user)? {
        if is_done(machine, subject, wish, &store) {
            let what = if wish.install {
                "already trusted by"
            } else {
                "not in"
            };
            user.tell(&format!("{what} {}", store.name));
            continue;
        }
        let steps = if wish.install {
            store.install(subject)
        } else {
            store.remove(machine, subject)
        };
        changes.push(Change { store, steps });
    }
    if changes.is_empty() {
        user.tell("nothing to do");
        return Ok(());
    }
    let root = machine.root();
    let (refused, able): (Vec<Change>, Vec<Change>) = changes
        .into_iter()
        .partition(|change| change.store.root && root == Some(false));
    if !able.is_empty() {
        user.tell("These commands will be run:");
        for Change { store, steps } in &able {
            user.tell(&format!("  {}", store.name));
            for step in steps {
                user.tell(&format!("    {}", step.shown(machine.os())));
            }
        }
    }
    if !refused.is_empty() {
        user.tell("These need root, and are for you to type:");
        for Change { store, steps } in &refused {
            user.tell(&format!("  {}", store.name));
            for step in steps {
                user.tell(&format!("    sudo {}", step.shown(machine.os())));
            }
        }
    }
    let mut failed = 0;
    if !able.is_empty() {
        let agreed = wish.yes
            || user.ask("Run them? [y/N] ").ok_or_else(|| {
                Trouble::new("there is no terminal to ask on, so nothing was changed")
                    .hint("--yes runs the commands without asking")
            })?;
        if !agreed {
            return Err(Trouble::new("nothing was changed"));
        }
        for change in &able {
            if !apply(machine, subject, wish, change, user) {
                failed += 1;
            }
        }
    }
    let outcome = match (failed, refused.len()) {
        (0, 0) => {
            user.tell("Programs that are running notice when they are started again.");
            return Ok(());
        }
        (0, _) => Trouble::new("not all stores were changed: you are not root")
            .hint("type the commands that begin with sudo, as shown above"),
        (failed, _) => Trouble::new(format!("{failed} of {} stores failed", able.len())).hint(
            if machine.os() == Os::Windows {
                "the system's store takes a terminal that was opened as administrator"
            } else {
                "the lines above say which command failed, and why; it can be typed by hand"
            },
        ),
    };
    Err(outcome)
}

/// Runs the commands for one store up to the first that fails.
fn apply(
    machine: &dyn Machine,
    subject: &Subject<'_>,
    wish: &Wish,
    Change { store, steps }: &Change,
    user: &mut dyn User,
) -> bool {
    // Debian's command for the system's store changes Java's as well.
    if is_done(machine, subject, wish, store) {
        user.tell(&format!("done: {} (together with another)", store.name));
        return true;
    }
    for step in steps {
        let ran = machine.run(step);
        if !ran.ok {
            let said = if ran.err.trim().is_empty() {
                &ran.out
            } else {
                &ran.err
            };
            user.tell(&format!("failed: {}", store.name));
            user.tell(&format!("    {}", step.shown(machine.os())));
            user.tell(&format!("    {}", stores::first_line(said, &ran.how)));
            return false;
        }
    }
    let done = is_done(machine, subject, wish, store);
    user.tell(&match (done, wish.install) {
        (true, _) => format!("done: {}", store.name),
        (false, true) => format!(
            "failed: {}: its commands succeeded, but it does not trust the certificate",
            store.name
        ),
        (false, false) => format!(
            "failed: {}: its commands succeeded, but the certificate is still in it",
            store.name
        ),
    });
    done
}

/// A line for each store of this machine, and whether it trusts the certificate.
pub(super) fn states(machine: &dyn Machine, subject: &Subject<'_>) -> Vec<String> {
    let (stores, missing) = stores::find(machine);
    let mut lines: Vec<String> = stores
        .iter()
        .map(|store| {
            let state = match store.state(machine, subject) {
                State::Trusted => "yes".to_owned(),
                State::Absent => "no".to_owned(),
                State::Unknown(why) => format!("can't tell: {why}"),
            };
            format!("{state:4} {}", store.name)
        })
        .collect();
    lines.extend(missing);
    lines
}
