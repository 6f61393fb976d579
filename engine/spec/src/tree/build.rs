//! Builds the tree from the parser's events.

use std::collections::BTreeMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::Value;

use super::{Entry, Kind, Node, Span, scalar};
use crate::check::syntax;
use crate::diagnostic::Diagnostic;
use crate::source::Source;

/// Nodes that one file may have once its aliases are followed.
const MOST_NODES: usize = 500_000;
/// How deep a file may be nested.
const DEEPEST: usize = 64;

/// The tree of a file, and every mistake found on the way; no tree when it is not YAML at all.
pub(crate) fn parse(source: &Arc<Source>, found: &mut Vec<Diagnostic>) -> Option<Node> {
    let mut builder = Builder {
        source,
        places: places(&source.text),
        found,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        root: None,
        nodes: 0,
    };
    let mut documents = 0;
    for event in Parser::new_from_str(&source.text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = builder.place(error.marker().index());
                let wrong = syntax::not_yaml(source, at..at, error.info());
                builder.found.push(wrong);
                return None;
            }
        };
        let span = builder.place(span.start.index())..builder.place(span.end.index());
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                let wrong = syntax::second_document(source, span);
                builder.found.push(wrong);
                break;
            }
        }
        if !builder.take(event, span) {
            return None;
        }
    }
    let root = builder.root.take();
    if root.is_none() {
        builder.found.push(syntax::empty(source));
    }
    root
}

/// Byte offsets of characters; none when every character is one byte.
fn places(text: &str) -> Option<Vec<usize>> {
    (!text.is_ascii()).then(|| {
        text.char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .collect()
    })
}

enum Open {
    List(usize, Span, Vec<Node>),
    Map(usize, Span, Vec<Entry>, Option<(String, Span)>),
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    places: Option<Vec<usize>>,
    found: &'a mut Vec<Diagnostic>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn place(&self, index: usize) -> usize {
        let end = self.source.text.len();
        match &self.places {
            None => index.min(end),
            Some(places) => places.get(index).copied().unwrap_or(end),
        }
    }

    /// Takes an event in; false when nothing more can be read.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.tight(span);
                let value = value(&text, style, tag.as_deref());
                self.add(
                    anchor,
                    Node {
                        span,
                        kind: Kind::Scalar(value),
                    },
                )
            }
            Event::SequenceStart(anchor, _) => self.enter(Open::List(anchor, span, Vec::new())),
            Event::MappingStart(anchor, _) => self.enter(Open::Map(anchor, span, Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.leave(&span),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    // What an alias brings counts as if it were written here.
                    self.nodes += size(node);
                    if self.nodes > MOST_NODES {
                        self.found.push(syntax::too_large(self.source, span));
                        return false;
                    }
                    if self.open.len() + depth(node) > DEEPEST {
                        self.found.push(syntax::too_deep(self.source, span));
                        return false;
                    }
                    let mut node = node.clone();
                    node.span = span;
                    self.add(0, node)
                }
                None => {
                    self.found.push(syntax::alias_of_itself(self.source, span));
                    false
                }
            },
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => true,
        }
    }

    fn enter(&mut self, open: Open) -> bool {
        if self.open.len() >= DEEPEST {
            let (Open::List(_, span, _) | Open::Map(_, span, ..)) = open;
            self.found.push(syntax::too_deep(self.source, span));
            return false;
        }
        self.open.push(open);
        true
    }

    fn leave(&mut self, end: &Span) -> bool {
        let (anchor, span, kind) = match self.open.pop() {
            // Room for what does not come would be half of the tree.
            Some(Open::List(anchor, span, mut list)) => {
                list.shrink_to_fit();
                (anchor, span, Kind::List(list))
            }
            Some(Open::Map(anchor, span, mut map, _)) => {
                map.shrink_to_fit();
                (anchor, span, Kind::Map(map))
            }
            None => return true,
        };
        let span = self.tight(span.start..end.end.max(span.end));
        self.add(anchor, Node { span, kind })
    }

    fn add(&mut self, anchor: usize, node: Node) -> bool {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            self.found.push(syntax::too_large(self.source, node.span));
            return false;
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, _, list)) => list.push(node),
            Some(Open::Map(_, _, map, waiting)) => match waiting.take() {
                Some((key, at)) => match map.iter().find(|entry| entry.key == key) {
                    Some(first) => {
                        let first = first.at.clone();
                        self.found
                            .push(syntax::duplicate(self.source, &key, first, at));
                    }
                    None => map.push(Entry {
                        key,
                        at,
                        value: node,
                    }),
                },
                None => match key(&node) {
                    Some(key) => *waiting = Some((key, node.span)),
                    None => {
                        let wrong = syntax::key_is_no_text(self.source, node.span.clone());
                        self.found.push(wrong);
                        *waiting = Some((String::new(), node.span));
                    }
                },
            },
        }
        true
    }

    /// A span without the space around it.
    fn tight(&self, span: Span) -> Span {
        let text = &self.source.text;
        let start = text.floor_char_boundary(span.start);
        let end = text.floor_char_boundary(span.end.max(start));
        let inside = &text[start..end];
        let start = start + (inside.len() - inside.trim_start().len());
        start..(start + inside.trim().len())
    }
}

fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    match (tag, style) {
        (Some(tag), _) if tag.is_yaml_core_schema() && tag.suffix != "str" => scalar::plain(text),
        (None, ScalarStyle::Plain) => scalar::plain(text),
        _ => Value::String(text.to_owned()),
    }
}

/// A key as text: `404: …` is the key `404`.
fn key(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Scalar(Value::String(text)) => Some(text.clone()),
        Kind::Scalar(Value::Number(number)) => Some(number.to_string()),
        Kind::Scalar(Value::Bool(value)) => Some(value.to_string()),
        Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => None,
    }
}

fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar(_) => 1,
        Kind::List(list) => list.iter().map(size).sum::<usize>() + 1,
        Kind::Map(map) => map.iter().map(|entry| size(&entry.value)).sum::<usize>() + 1,
    }
}

/// Levels of lists and maps in a node.
fn depth(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar(_) => 0,
        Kind::List(list) => list.iter().map(depth).max().unwrap_or(0) + 1,
        Kind::Map(map) => {
            let deepest = map.iter().map(|entry| depth(&entry.value)).max();
            deepest.unwrap_or(0) + 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, parse};
    use crate::source::Source;

    fn mistakes(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        parse(&Source::new("a.yaml", text), &mut found);
        found.into_iter().map(|one| one.message).collect()
    }

    #[test]
    fn what_an_alias_brings_counts_for_the_depth() {
        // One level a line, deep only when the aliases are followed.
        let chain = |levels: usize| {
            let mut text = "x0: &x0 a\n".to_owned();
            for level in 1..=levels {
                text.push_str(&format!("x{level}: &x{level} [*x{}]\n", level - 1));
            }
            text
        };
        assert_eq!(mistakes(&chain(DEEPEST - 1)), Vec::<String>::new());
        let written = "[".repeat(DEEPEST + 1);
        assert_eq!(mistakes(&chain(DEEPEST)), mistakes(&written));
    }
}
