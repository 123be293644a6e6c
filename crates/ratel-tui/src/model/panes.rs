//! One or two stacks of screens: flows, and events.

use super::Screen;

/// How the stacks are arranged (`console_layout`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Only the one with the flows.
    #[default]
    Single,
    /// One above the other.
    Vertical,
    /// Side by side.
    Horizontal,
}

impl Layout {
    const ALL: [Self; 3] = [Self::Single, Self::Vertical, Self::Horizontal];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Vertical => "vertical",
            Self::Horizontal => "horizontal",
        }
    }

    pub(crate) fn of(name: &str) -> Self {
        let known = Self::ALL.into_iter().find(|layout| layout.name() == name);
        known.unwrap_or_default()
    }

    pub(crate) fn next(self) -> Self {
        match self {
            Self::Single => Self::Vertical,
            Self::Vertical => Self::Horizontal,
            Self::Horizontal => Self::Single,
        }
    }
}

/// The stacks. Never empty: the first begins with the list of flows, the second with the events.
#[derive(Clone, Debug)]
pub(crate) struct Panes {
    stacks: [Vec<Screen>; 2],
    /// Which has the focus.
    focus: usize,
    /// Whether both are visible.
    both: bool,
}

impl Default for Panes {
    fn default() -> Self {
        Self {
            stacks: [vec![Screen::FlowList], vec![Screen::EventLog]],
            focus: 0,
            both: false,
        }
    }
}

impl Panes {
    pub(crate) fn focus(&self) -> usize {
        self.focus
    }

    pub(crate) fn show_both(&mut self, both: bool) {
        self.both = both;
        if !both {
            self.focus = 0;
            return;
        }
        // They are in the second one.
        let [first, _] = &mut self.stacks;
        first.retain(|screen| !matches!(screen, Screen::EventLog));
    }

    /// Gives the focus to that one; false where it is not visible.
    pub(crate) fn set_focus(&mut self, pane: usize) -> bool {
        let visible = pane == 0 || self.both;
        if visible {
            self.focus = pane.min(1);
        }
        visible
    }

    /// The screen that is open there.
    pub(crate) fn top(&self, pane: usize) -> &Screen {
        const NONE: &Screen = &Screen::FlowList;
        self.stacks
            .get(pane)
            .and_then(|stack| stack.last())
            .unwrap_or(NONE)
    }

    /// The screen that has the focus.
    pub(crate) fn current(&self) -> &Screen {
        self.top(self.focus)
    }

    pub(crate) fn current_mut(&mut self) -> Option<&mut Screen> {
        self.stacks.get_mut(self.focus)?.last_mut()
    }

    pub(crate) fn push(&mut self, screen: Screen) {
        if let Some(stack) = self.stacks.get_mut(self.focus) {
            stack.push(screen);
        }
    }

    /// Closes what has the focus; none at the root.
    pub(crate) fn pop(&mut self) -> Option<Screen> {
        let stack = self.stacks.get_mut(self.focus)?;
        if stack.len() > 1 { stack.pop() } else { None }
    }

    /// Whether what has the focus is the root of its stack.
    pub(crate) fn is_root(&self) -> bool {
        self.stacks
            .get(self.focus)
            .is_none_or(|stack| stack.len() <= 1)
    }

    /// Takes out screens of the pane with the focus, but not its root.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Screen) -> bool) {
        if let Some(stack) = self.stacks.get_mut(self.focus) {
            let mut root = true;
            stack.retain(|screen| std::mem::take(&mut root) || keep(screen));
        }
    }

    /// All screens, with the pane that they are in.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = (usize, &mut Screen)> {
        let stacks = self.stacks.iter_mut().enumerate();
        stacks.flat_map(|(pane, stack)| stack.iter_mut().map(move |screen| (pane, screen)))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Screen> {
        self.stacks.iter().flatten()
    }

    /// The screens that are visible.
    pub(crate) fn visible(&self) -> impl Iterator<Item = (usize, &Screen)> {
        let panes = if self.both { 2 } else { 1 };
        (0..panes).map(|pane| (pane, self.top(pane)))
    }
}
