//! Texts that are deep, long, or grow when they are followed: an error, and never the end of the process.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use runbook_fuzz::{TARGETS, Target};

const DEEP: usize = 10_000;

/// Every text goes to every target, in a thread with the smallest stack that the product runs on.
fn survives(what: &str, text: String) {
    for (name, body) in TARGETS as [Target; 7] {
        let text = text.clone();
        // The name is what a stack overflow leaves behind.
        let done = std::thread::Builder::new()
            .name(format!("{name}: {what}"))
            .stack_size(2 << 20)
            .spawn(move || body(text.as_bytes()))
            .unwrap()
            .join();
        assert!(done.is_ok(), "{name} fails on {what}");
    }
}

/// The same text where a runbook has its templates and expressions.
fn everywhere(what: &str, text: &str) {
    survives(what, text.to_owned());
    for key in ["when", "for_each", "summary", "until"] {
        let quoted = text.replace('\'', "''");
        let book = format!("name: a\nsteps:\n  - id: a\n    uses: log\n    {key}: '{quoted}'\n");
        survives(&format!("{what} in {key}"), book);
    }
}

#[test]
fn brackets() {
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("{", "}"),
        ("{a: ", "}"),
        ("- ", ""),
        ("[[a](", ")]"),
    ] {
        everywhere(open, &open.repeat(DEEP));
        everywhere(
            open,
            &format!("{}1{}", open.repeat(DEEP), close.repeat(DEEP)),
        );
    }
}

#[test]
fn operators() {
    for one in [
        "!",
        "-",
        "a.",
        "a[0].",
        "1 + ",
        "a && ",
        "a || ",
        "a ? b : ",
        "a ? ",
        "f(",
        "a.b(",
        "x.map(x, ",
        "has(a.",
    ] {
        everywhere(one, &one.repeat(DEEP));
        everywhere(one, &format!("{}a", one.repeat(DEEP)));
    }
    everywhere("fields", &format!("a{}", ".b".repeat(DEEP)));
    everywhere("indexes", &format!("a{}", "[0]".repeat(DEEP)));
    everywhere("sums", &format!("1{}", "+1".repeat(DEEP)));
    everywhere("ors", &format!("true{}", "||false".repeat(DEEP)));
    everywhere(
        "choices",
        &format!("{}1{}", "true?".repeat(DEEP), ":2".repeat(DEEP)),
    );
    everywhere("calls", &format!("'a'{}", ".trim()".repeat(DEEP)));
    everywhere(
        "maps",
        &format!("{}[]{}", "[1].map(x, ".repeat(DEEP), ")".repeat(DEEP)),
    );
}

#[test]
fn templates() {
    everywhere(
        "subexpressions",
        &format!(
            "{{{{lower {}a{}}}}}",
            "(lower ".repeat(DEEP),
            ")".repeat(DEEP)
        ),
    );
    everywhere(
        "open subexpressions",
        &format!("{{{{{}", "(lower ".repeat(DEEP)),
    );
    everywhere(
        "blocks",
        &format!("{}{}", "{{#if env}}".repeat(DEEP), "{{/if}}".repeat(DEEP)),
    );
    everywhere("open blocks", &"{{#with env}}".repeat(DEEP));
    everywhere(
        "else",
        &format!(
            "{{{{#if run.x}}}}{}{{{{/if}}}}",
            "{{else if env.x}}".repeat(DEEP)
        ),
    );
    everywhere("paths", &format!("{{{{env{}}}}}", ".a".repeat(DEEP)));
    everywhere("parents", &format!("{{{{{}a}}}}", "../".repeat(DEEP)));
    everywhere("braces", &"{{".repeat(DEEP));
    everywhere("raw blocks", &"{{{{a}}}}".repeat(DEEP));
    everywhere(
        "arrays",
        &format!("{{{{json {}{}}}}}", "[".repeat(DEEP), "]".repeat(DEEP)),
    );
    everywhere(
        "objects",
        &format!(
            "{{{{json {}1{}}}}}",
            "{\"a\":".repeat(DEEP),
            "}".repeat(DEEP)
        ),
    );
}

#[test]
fn aliases() {
    let mut text = String::from("name: a\nsteps: []\nx0: &x0 [a, a, a, a, a, a, a, a, a]\n");
    for level in 1..40 {
        let before = level - 1;
        text.push_str(&format!(
            "x{level}: &x{level} [{}]\n",
            vec![format!("*x{before}"); 9].join(", ")
        ));
    }
    survives("billion laughs", text);
    // One level a line: deep only when it is followed.
    let mut text = String::from("name: a\nsteps: []\nx0: &x0 [a]\n");
    for level in 1..DEEP {
        text.push_str(&format!("x{level}: &x{level} [*x{}]\n", level - 1));
    }
    survives("a chain of aliases", text);
    let mut text = format!(
        "name: a\nsteps: []\nx0: &x0 {}{}\n",
        "[".repeat(50),
        "]".repeat(50)
    );
    for level in 1..120 {
        let (open, close) = ("[".repeat(50), "]".repeat(50));
        text.push_str(&format!(
            "x{level}: &x{level} {open}*x{}{close}\n",
            level - 1
        ));
    }
    survives("a chain of deep aliases", text);
    survives("anchors in anchors", "&a [".repeat(DEEP));
    survives("itself", "&a [*a]".to_owned());
}

#[test]
fn lines_and_words() {
    survives("one long word", "a".repeat(1 << 20));
    survives("many lines", "a\n".repeat(DEEP * 10));
    survives(
        "many keys",
        (0..DEEP).map(|key| format!("k{key}: {key}\n")).collect(),
    );
    survives("one key", "a: 1\n".repeat(DEEP));
    let steps: String = (0..2_000)
        .map(|step| format!("  - id: s{step}\n    uses: log\n    with: {{message: a}}\n"))
        .collect();
    survives("many steps", format!("name: a\nsteps:\n{steps}"));
    let deep = format!(
        "{{\"at\":1,\"kind\":\"created\",\"params\":{}{}}}",
        "[".repeat(DEEP),
        "]".repeat(DEEP)
    );
    survives("a deep event", deep);
}
