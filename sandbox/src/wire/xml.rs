//! Reading XML replies, and changing parts of them in place.

use std::ops::Range;

use roxmltree::{Document, Node};

/// Text made safe inside an element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The first child element of that name.
pub(crate) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children()
        .find(|child| child.is_element() && child.tag_name().name() == name)
}

/// The descendant reached by these child names.
pub(crate) fn at<'a, 'i>(node: Node<'a, 'i>, path: &[&str]) -> Option<Node<'a, 'i>> {
    path.iter().try_fold(node, |node, name| child(node, name))
}

/// The text reached by these child names; empty if there is none.
pub(crate) fn text_at<'a>(node: Node<'a, '_>, path: &[&str]) -> &'a str {
    at(node, path)
        .and_then(|node| node.text())
        .unwrap_or_default()
}

/// All elements of that name, in document order.
pub(crate) fn all<'a, 'i>(document: &'a Document<'i>, name: &str) -> Vec<Node<'a, 'i>> {
    document
        .descendants()
        .filter(|node| node.is_element() && node.tag_name().name() == name)
        .collect()
}

/// The text of every element of that name.
pub(crate) fn texts(xml: &str, name: &str) -> Vec<String> {
    let Ok(document) = Document::parse(xml) else {
        return Vec::new();
    };
    all(&document, name)
        .iter()
        .filter_map(|node| node.text())
        .map(str::to_owned)
        .collect()
}

/// The text of the first element of that name.
pub(crate) fn first(xml: &str, name: &str) -> Option<String> {
    let document = Document::parse(xml).ok()?;
    all(&document, name).first()?.text().map(str::to_owned)
}

/// Changes to a document, noted while it is read and made at the end.
#[derive(Default)]
pub(crate) struct Edits {
    changes: Vec<(Range<usize>, String)>,
}

impl Edits {
    /// Replaces the whole element.
    pub(crate) fn replace(&mut self, node: Node<'_, '_>, xml: impl Into<String>) {
        self.changes.push((node.range(), xml.into()));
    }

    /// Gives `parent` the child `name` with this text, replacing the one it has.
    pub(crate) fn set(&mut self, parent: Node<'_, '_>, name: &str, text: &str) {
        let element = format!("<{name}>{}</{name}>", escape(text));
        match child(parent, name) {
            Some(old) => self.replace(old, element),
            None => self.append(parent, &element),
        }
    }

    /// Adds to the end of `parent`.
    pub(crate) fn append(&mut self, parent: Node<'_, '_>, xml: &str) {
        let range = parent.range();
        let source = &parent.document().input_text()[range.clone()];
        let tag = parent.tag_name().name();
        match source.rfind("</") {
            Some(offset) => {
                let end = range.start + offset;
                self.changes.push((end..end, xml.to_owned()));
            }
            None => self.changes.push((range, format!("<{tag}>{xml}</{tag}>"))),
        }
    }

    /// Whether nothing changes.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The document with the changes made.
    pub(crate) fn apply(mut self, source: &str) -> String {
        self.changes.sort_by_key(|(range, _)| range.start);
        let mut text = String::with_capacity(source.len() + 256);
        let mut done = 0;
        for (range, change) in self.changes {
            // Inside something that was replaced as a whole.
            if range.start < done {
                continue;
            }
            text.push_str(&source[done..range.start]);
            text.push_str(&change);
            done = range.end;
        }
        text.push_str(&source[done..]);
        text
    }
}

/// Edits `source` through `change`; unchanged if it is not XML.
pub(crate) fn edit(source: &str, change: impl FnOnce(&Document<'_>, &mut Edits)) -> Option<String> {
    let document = Document::parse(source).ok()?;
    let mut edits = Edits::default();
    change(&document, &mut edits);
    (!edits.is_empty()).then(|| edits.apply(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_leave_the_rest_alone() {
        let source = r#"<a xmlns="u"><b><c>1</c></b><d/><b><c>2</c></b></a>"#;
        let edited = edit(source, |document, edits| {
            let bs = all(document, "b");
            edits.set(bs[1], "c", "x<y");
            edits.set(bs[0], "e", "new");
            edits.set(all(document, "d")[0], "f", "3");
        });
        let expected =
            r#"<a xmlns="u"><b><c>1</c><e>new</e></b><d><f>3</f></d><b><c>x&lt;y</c></b></a>"#;
        assert_eq!(edited.as_deref(), Some(expected));
    }

    #[test]
    fn nothing_to_change_is_none() {
        assert_eq!(edit("<a/>", |_, _| {}), None);
        assert_eq!(edit("not xml", |_, _| {}), None);
    }
}
