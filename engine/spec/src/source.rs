//! One file as it was read, with its lines, so that a mistake can point at it.

use std::path::Path;
use std::sync::Arc;

/// The text of a file under the name that messages give it.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The file as the user named it.
    pub name: String,
    /// Its whole text.
    pub text: String,
    starts: Vec<usize>,
}

impl Source {
    /// A text that has no file.
    #[must_use]
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Arc::new(Self {
            name: name.into(),
            text,
            starts,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// The file cannot be read, or is not UTF-8.
    pub fn read(path: &Path) -> std::io::Result<Arc<Self>> {
        Ok(Self::new(
            path.display().to_string(),
            std::fs::read_to_string(path)?,
        ))
    }

    /// Line and column (both from 1, columns in characters) of a byte.
    #[must_use]
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.wrapping_sub(1)).copied().unwrap_or(0);
        (line, self.text[start..offset].chars().count() + 1)
    }

    /// A line without its end, counted from 1.
    #[must_use]
    pub fn line(&self, line: usize) -> &str {
        let start = self.starts.get(line.wrapping_sub(1)).copied();
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        start.map_or("", |start| {
            self.text[start..end].trim_end_matches(['\n', '\r'])
        })
    }
}
