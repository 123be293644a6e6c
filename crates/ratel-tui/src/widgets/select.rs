//! Which row of a list is in focus, and which are visible.

/// The state of a list whose rows are known elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Select {
    pub(crate) focus: usize,
    top: usize,
}

impl Select {
    pub(crate) fn at(focus: usize) -> Self {
        Self { focus, top: 0 }
    }

    /// Goes down, or up, by rows.
    pub(crate) fn step(&mut self, rows: isize, len: usize) {
        self.focus = self
            .focus
            .saturating_add_signed(rows)
            .min(len.saturating_sub(1));
    }

    pub(crate) fn first(&mut self) {
        self.focus = 0;
    }

    pub(crate) fn last(&mut self, len: usize) {
        self.focus = len.saturating_sub(1);
    }

    /// Keeps the focus on a row that there is, and in view.
    pub(crate) fn settle(&mut self, len: usize, height: usize) {
        let height = height.max(1);
        self.focus = self.focus.min(len.saturating_sub(1));
        self.top = self.visible_from(len, height);
    }

    fn visible_from(self, len: usize, height: usize) -> usize {
        self.top
            .min(len.saturating_sub(height))
            .min(self.focus)
            .max((self.focus + 1).saturating_sub(height))
    }

    /// The rows that are visible.
    pub(crate) fn visible(self, len: usize, height: usize) -> std::ops::Range<usize> {
        let from = self.visible_from(len, height.max(1));
        from..(from + height).min(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_focus_stays_in_view() {
        let mut list = Select::default();
        list.step(7, 10);
        list.settle(10, 5);
        assert_eq!((list.focus, list.visible(10, 5)), (7, 3..8));
        list.step(-1, 10);
        list.settle(10, 5);
        assert_eq!(
            (list.focus, list.visible(10, 5)),
            (6, 3..8),
            "it moves within what is visible"
        );
        list.step(-100, 10);
        list.settle(10, 5);
        assert_eq!(list.visible(10, 5), 0..5);
        list.step(100, 10);
        list.settle(3, 5);
        assert_eq!(
            (list.focus, list.visible(3, 5)),
            (2, 0..3),
            "rows went away"
        );
        list.settle(0, 0);
        assert_eq!((list.focus, list.visible(0, 0)), (0, 0..0));
    }
}
