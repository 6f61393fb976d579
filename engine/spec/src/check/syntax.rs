//! What keeps a file from being read as one YAML document.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Source;

pub(crate) const CODES: &[Code] = &[NOT_YAML, DUPLICATE];

const NOT_YAML: Code = Code {
    code: "R001",
    title: "the file is not one YAML document",
    explanation: "A file is one YAML 1.2 document: no tabs in indentation, no second `---`, no alias \
                  that holds itself. Anchors and aliases are followed; merge keys (`<<`) are not part \
                  of YAML 1.2.",
};

const DUPLICATE: Code = Code {
    code: "R002",
    title: "a key stands twice in one map",
    explanation: "YAML allows a key once. Of two equal keys one would be lost without a word, so both \
                  are refused.",
};

pub(crate) fn not_yaml(source: &Arc<Source>, at: Range<usize>, why: &str) -> Diagnostic {
    Diagnostic::new(&NOT_YAML, source, at, "this is not YAML")
        .label(why.to_owned())
        .help("indent with spaces, and quote text that holds `: `, `#`, `{{` or starts with `*`, `&` or `@`")
}

pub(crate) fn empty(source: &Arc<Source>) -> Diagnostic {
    Diagnostic::new(&NOT_YAML, source, 0..0, "the file is empty").label("nothing here")
}

pub(crate) fn second_document(source: &Arc<Source>, at: Range<usize>) -> Diagnostic {
    Diagnostic::new(&NOT_YAML, source, at, "a file holds one document")
        .label("a second one begins here")
        .help("put it into a file of its own")
}

pub(crate) fn too_deep(source: &Arc<Source>, at: Range<usize>) -> Diagnostic {
    Diagnostic::new(&NOT_YAML, source, at, "the file is nested too deeply").label("64 levels down")
}

pub(crate) fn too_large(source: &Arc<Source>, at: Range<usize>) -> Diagnostic {
    Diagnostic::new(&NOT_YAML, source, at, "the file is too large")
        .label("here it passes 500000 values")
        .help("aliases count as often as they are used")
}

pub(crate) fn alias_of_itself(source: &Arc<Source>, at: Range<usize>) -> Diagnostic {
    Diagnostic::new(
        &NOT_YAML,
        source,
        at,
        "an alias stands inside its own anchor",
    )
    .label("this would never end")
}

pub(crate) fn key_is_no_text(source: &Arc<Source>, at: Range<usize>) -> Diagnostic {
    let text = &source.text;
    if text[..at.start].ends_with('{') && text[at.clone()].starts_with('{') {
        let end = at.end + usize::from(text[at.end..].starts_with('}'));
        return Diagnostic::new(
            &NOT_YAML,
            source,
            at.start - 1..end,
            "a template has to be in quotes",
        )
        .label("YAML takes this for a map")
        .help("write \"{{ … }}\"");
    }
    Diagnostic::new(&NOT_YAML, source, at, "a key is not a text")
        .label("neither a text nor a number")
        .help("quote it; a template as a value has to be quoted too: \"{{ … }}\"")
}

pub(crate) fn duplicate(
    source: &Arc<Source>,
    key: &str,
    first: Range<usize>,
    again: Range<usize>,
) -> Diagnostic {
    let (line, _) = source.position(first.start);
    Diagnostic::new(
        &DUPLICATE,
        source,
        again,
        format!("key `{key}` stands twice"),
    )
    .label(format!("it is in line {line} already"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::source::Source;
    use crate::tree::parse;

    fn read(text: &str) -> (Option<serde_json::Value>, Vec<String>) {
        let mut found = Vec::new();
        let tree = parse(&Source::new("a.yaml", text), &mut found);
        let lines = found
            .iter()
            .map(|one| format!("{} {}: {}", one.code, one.position().0, one.message))
            .collect();
        (tree.map(|tree| tree.json()), lines)
    }

    #[test]
    fn anchors_are_followed() {
        let (tree, found) = read("a: &x [1, {b: ü}]\nc: *x\nd: *x\n");
        assert_eq!(
            tree,
            Some(json!({"a": [1, {"b": "ü"}], "c": [1, {"b": "ü"}], "d": [1, {"b": "ü"}]}))
        );
        assert!(found.is_empty());
    }

    #[test]
    fn what_is_not_one_document_is_refused() {
        for (text, wrong) in [
            ("", "R001 1: the file is empty"),
            ("a: 1\n---\nb: 2\n", "R001 2: a file holds one document"),
            ("a: 1\na: 2\n", "R002 2: key `a` stands twice"),
            (
                "a: &x [*x]\n",
                "R001 1: an alias stands inside its own anchor",
            ),
            ("a: {{ b }}\n", "R001 1: a template has to be in quotes"),
            ("? [b]\n: c\n", "R001 1: a key is not a text"),
        ] {
            assert_eq!(read(text).1, [wrong], "{text}");
        }
        assert!(read("a: [1\nb: 2").1[0].starts_with("R001 2: this is not YAML"));
        assert!(read("a: 'x").1[0].starts_with("R001"));
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..9 {
            let last = n - 1;
            let list = vec![format!("*a{last}"); 10].join(", ");
            text.push_str(&format!("a{n}: &a{n} [{list}]\n"));
        }
        assert!(read(&text).1[0].contains("too large"));
    }

    #[test]
    fn spans_are_bytes() {
        let text = "ä: \"ö\"\nk: value # note\n";
        let mut found = Vec::new();
        let tree = parse(&Source::new("a.yaml", text), &mut found).unwrap();
        let map = tree.map().unwrap();
        assert_eq!(&text[map[0].value.span.clone()], "\"ö\"");
        assert_eq!(&text[map[1].value.span.clone()], "value");
        assert_eq!(&text[map[1].at.clone()], "k");
    }
}
