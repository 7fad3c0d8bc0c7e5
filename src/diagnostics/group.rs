//! The margin in which the members of an exception group stand. It must not know what stands in
//! it.

/// How far the text is indented, and whether the innermost frame is still open.
#[derive(Default)]
pub(super) struct Margin {
    /// How many groups enclose the text.
    pub(super) depth: usize,
    /// Whether the line that closes a group is still to be written.
    pub(super) needs_close: bool,
}

impl Margin {
    /// Begins a group; whether it is the outermost one.
    pub(super) fn enter_outermost(&mut self) -> bool {
        let outermost = self.depth == 0;
        if outermost {
            self.depth = 1;
        }
        outermost
    }

    /// Writes text with the margin before each of its lines.
    pub(super) fn emit(&self, out: &mut String, text: &str) {
        self.emit_marked(out, text, '|');
    }

    /// The same with another mark in the margin.
    pub(super) fn emit_marked(&self, out: &mut String, text: &str, mark: char) {
        if self.depth == 0 {
            out.push_str(text);
            return;
        }
        for line in text.split_inclusive('\n') {
            self.indent(out);
            out.push(mark);
            out.push(' ');
            out.push_str(line);
        }
    }

    /// Writes the line above a member.
    pub(super) fn title(&self, out: &mut String, first: bool, title: &str) {
        self.indent(out);
        out.push_str(if first { "+-" } else { "  " });
        out.push_str(&format!("+---------------- {title} ----------------\n"));
    }

    /// Writes the line below the last member.
    pub(super) fn close(&self, out: &mut String) {
        self.indent(out);
        out.push_str("+------------------------------------\n");
    }

    fn indent(&self, out: &mut String) {
        out.extend(std::iter::repeat_n("  ", self.depth));
    }
}
