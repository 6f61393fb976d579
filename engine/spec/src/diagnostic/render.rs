//! Diagnostics as people and machines read them.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Diagnostic, Diagnostics, Severity};

/// Columns that a label is drawn under at most.
const WIDEST: usize = 120;

/// Escape codes, or nothing.
struct Paint {
    error: &'static str,
    warning: &'static str,
    quiet: &'static str,
    bold: &'static str,
    end: &'static str,
}

const PLAIN: Paint = Paint {
    error: "",
    warning: "",
    quiet: "",
    bold: "",
    end: "",
};

const COLOURED: Paint = Paint {
    error: "\u{1b}[1;31m",
    warning: "\u{1b}[1;33m",
    quiet: "\u{1b}[1;34m",
    bold: "\u{1b}[1m",
    end: "\u{1b}[0m",
};

/// Mistakes that are shown as text.
const MOST: usize = 20;

impl Diagnostics {
    /// As text without colours, one blank line between two.
    #[must_use]
    pub fn render_plain(&self) -> String {
        self.render(&PLAIN)
    }

    /// As text for a terminal.
    #[must_use]
    pub fn render_coloured(&self) -> String {
        self.render(&COLOURED)
    }

    /// A file that went wrong as a whole has a mistake in every line: the first ones tell what it is.
    fn render(&self, paint: &Paint) -> String {
        let many = self.list.len() > MOST;
        let errors = self.has_errors();
        let weighs = |one: &&Diagnostic| !many || !errors || one.severity == Severity::Error;
        let shown = self.list.iter().filter(weighs).take(MOST);
        let mut texts: Vec<String> = shown.map(|one| one.draw(paint)).collect();
        if many {
            let left = self.list.len() - texts.len();
            texts.push(format!("and {left} more; --json lists them all\n"));
        }
        texts.join("\n")
    }

    /// A list of objects with code, severity, message, file, line, column, label and help.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.list.iter().map(Diagnostic::to_json).collect()
    }
}

impl Diagnostic {
    /// As text without colours.
    #[must_use]
    pub fn render_plain(&self) -> String {
        self.draw(&PLAIN)
    }

    /// As an object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (line, column) = self.position();
        json!({
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "file": self.source.name,
            "line": line,
            "column": column,
            "label": self.label,
            "help": self.help,
        })
    }

    fn draw(&self, paint: &Paint) -> String {
        let (line, column) = self.position();
        let shown = self.source.line(line);
        let before: String = shown
            .chars()
            .take(column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let width = self.marked(shown, column);
        let (word, colour) = match self.severity {
            Severity::Error => ("error", paint.error),
            Severity::Warning => ("warning", paint.warning),
        };
        let (quiet, bold, end) = (paint.quiet, paint.bold, paint.end);
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let label = if self.label.is_empty() {
            String::new()
        } else {
            format!(" {}", self.label)
        };
        let mut out = format!(
            "{colour}{word}[{}]{end}{bold}: {}{end}\n",
            self.code, self.message
        );
        let _ = writeln!(
            out,
            "{gutter}{quiet}-->{end} {}:{line}:{column}",
            self.source.name
        );
        let _ = writeln!(out, "{gutter} {quiet}|{end}");
        let line = format!("{quiet}{number} |{end} {shown}");
        let _ = writeln!(out, "{}", line.trim_end());
        let marks = "^".repeat(width);
        let _ = writeln!(
            out,
            "{gutter} {quiet}|{end} {before}{colour}{marks}{label}{end}"
        );
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{gutter} {quiet}|{end}");
            let _ = writeln!(out, "{gutter} {quiet}={end} help: {help}");
        }
        out
    }

    /// How many columns are marked: the span's, as far as it stays in its first line.
    fn marked(&self, shown: &str, column: usize) -> usize {
        let text = &self.source.text;
        let start = text.floor_char_boundary(self.span.start);
        let end = text.floor_char_boundary(self.span.end.max(start));
        let first = text[start..end].lines().next().unwrap_or_default();
        let room = shown.chars().count().saturating_sub(column - 1);
        first.trim_end().chars().count().min(room).clamp(1, WIDEST)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Code;
    use super::*;
    use crate::source::Source;

    #[test]
    fn it_looks_like_the_style_page() {
        let code = Code {
            code: "R012",
            title: "",
            explanation: "",
        };
        let text = "\n\n\n\n\n\n\n    needs: [snapshoot]\n";
        let source = Source::new("runbooks/rds-failover.yaml", text);
        let at = text.find("snapshoot").unwrap();
        let one = Diagnostic::new(
            &code,
            &source,
            at..at + 9,
            "step `promote` needs `snapshoot`, which does not exist",
        )
        .label("no step has this id")
        .help("did you mean `snapshot`?");
        assert_eq!(
            one.render_plain(),
            "error[R012]: step `promote` needs `snapshoot`, which does not exist
 --> runbooks/rds-failover.yaml:8:13
  |
8 |     needs: [snapshoot]
  |             ^^^^^^^^^ no step has this id
  |
  = help: did you mean `snapshot`?
"
        );
        assert_eq!(one.to_json()["line"], 8);
        let all = Diagnostics { list: vec![one] };
        assert!(all.render_coloured().contains("\u{1b}[1;31merror[R012]"));
    }

    #[test]
    fn of_many_mistakes_the_first_are_shown_and_the_rest_is_counted() {
        let code = Code {
            code: "R003",
            title: "",
            explanation: "",
        };
        let source = Source::new("a.yaml", "x: 1\n");
        let one = |severity, message: &str| Diagnostic {
            severity,
            ..Diagnostic::new(&code, &source, 0..1, message)
        };
        let mut all = Diagnostics {
            list: vec![one(Severity::Warning, "careful")],
        };
        all.list
            .extend((0..30).map(|n| one(Severity::Error, &format!("wrong {n}."))));
        let text = all.render_plain();
        assert!(text.contains("wrong 0.") && text.contains("wrong 19."));
        assert!(!text.contains("wrong 20.") && !text.contains("careful"));
        assert!(
            text.ends_with("and 11 more; --json lists them all\n"),
            "{text}"
        );
        assert_eq!(all.to_json().as_array().unwrap().len(), 31);
        all.list.truncate(20);
        assert!(all.render_plain().contains("careful"));
    }
}
