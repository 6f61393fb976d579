//! Refuses what is nested too deep before it is parsed: the parser, the evaluation and the end of a
//! template go down with every level of it.

use super::TemplateError;

/// Levels of brackets and blocks that a template may have; the braces of a tag are two of them.
pub const DEEPEST: usize = 64;

/// Refuses a text that goes deeper than [`DEEPEST`]. Counts brackets in the text around the tags, too: a
/// quoted brace must not hide what follows it.
pub(super) fn check(text: &str) -> Result<(), TemplateError> {
    // The levels that each open block has: one of its own, and one for every `else` with a condition.
    let mut blocks: Vec<usize> = Vec::new();
    let mut brackets = 0_usize;
    let mut levels = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => brackets += 1,
            ')' | ']' | '}' => brackets = brackets.saturating_sub(1),
            _ => {}
        }
        if c == '{' && text[at..].starts_with("{{") {
            match tag(&text[at..]) {
                Tag::Open => blocks.push(1),
                Tag::Close => {
                    blocks.pop();
                }
                Tag::Else => {
                    if let Some(last) = blocks.last_mut() {
                        *last += 1;
                    }
                }
                Tag::Other => {}
            }
            levels = blocks.iter().sum();
        }
        if brackets + levels > DEEPEST {
            let message = format!("the template is nested deeper than {DEEPEST} levels");
            return Err(TemplateError::new(message).at(at));
        }
    }
    Ok(())
}

enum Tag {
    Open,
    Close,
    Else,
    Other,
}

fn tag(rest: &str) -> Tag {
    let raw = rest.starts_with("{{{{");
    let inside = rest.trim_start_matches(|c: char| c == '{' || c == '~' || c.is_whitespace());
    let chained = |rest: &str| {
        let rest = rest.trim_start_matches(|c: char| c == '~' || c.is_whitespace());
        !rest.starts_with('}')
    };
    match inside.chars().next() {
        Some('#' | '^') => Tag::Open,
        Some('/') => Tag::Close,
        Some(_) if raw => Tag::Open,
        Some(_) if inside.strip_prefix("else").is_some_and(chained) => Tag::Else,
        Some(_) | None => Tag::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, check};

    fn deep(open: &str, close: &str, levels: usize) -> bool {
        check(&format!("{}{}", open.repeat(levels), close.repeat(levels))).is_ok()
    }

    #[test]
    fn brackets_and_blocks_are_counted() {
        for (open, close) in [("(", ")"), ("[", "]"), ("{ ", "}")] {
            assert!(deep(open, close, DEEPEST));
            assert!(!deep(open, close, DEEPEST + 1));
        }
        // The braces of the innermost tag come on top.
        assert!(deep("{{#if a}}", "{{/if}}", DEEPEST - 2));
        assert!(!deep("{{#if a}}", "{{/if}}", DEEPEST + 1));
        assert!(!deep("{{~ #if a}}", "{{~/if}}", DEEPEST + 1));
        assert!(check(&"{".repeat(DEEPEST + 1)).is_err());
        assert!(check(&"{{#if a}}x{{else}}y{{/if}}".repeat(1_000)).is_ok());
        let chain =
            |links: usize| format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(links));
        assert!(check(&chain(DEEPEST - 3)).is_ok());
        let error = check(&chain(DEEPEST)).unwrap_err();
        assert_eq!(
            error.message,
            "the template is nested deeper than 64 levels"
        );
    }
}
