use serde_json::{Value, json};

use super::{DEEPEST, FUNCTIONS, LONGEST, evaluate, references, values_seen};
use crate::scope::Scope;

fn scope() -> Scope {
    Scope::new()
        .with("params", json!({"count": 2, "rate": 1.5, "none": null, "drain": "1m30s", "big": u64::MAX}))
        .with("env", json!({"name": "prod", "protected": true, "urls": ["a", "b"], "tags": {"z": 1, "a": 2, "m": 3}}))
        .with("targets", json!([{"state": "healthy"}, {"state": "initial"}]))
        .with("run", json!({"started_at": "2026-03-01T23:30:00Z"}))
        .with("steps", json!({"go": null, "my-step": {"by": "ann"}, "fan": [{"x": 1}, {"x": 2}]}))
}

fn one(text: &str) -> Result<Value, String> {
    evaluate(text, &scope()).map_err(|error| error.message)
}

#[test]
fn values_round_trip() {
    for (text, value) in [
        ("params.count + 1", json!(3)),
        ("params.rate * 2.0", json!(3.0)),
        ("params.big", json!(u64::MAX)),
        ("params.none", Value::Null),
        ("params.none == null", json!(true)),
        ("env.urls", json!(["a", "b"])),
        ("size(env.urls) == 2 && env.protected", json!(true)),
        (
            "targets.size() > 0 && targets.all(t, t.state == 'healthy')",
            json!(false),
        ),
        ("targets.filter(t, t.state == 'healthy').size()", json!(1)),
        (
            "env.tags.map(k, k + string(env.tags[k]))",
            json!(["a2", "m3", "z1"]),
        ),
        (
            "{'a': params.count, 'b': [true]}",
            json!({"a": 2, "b": [true]}),
        ),
        ("steps['my-step'].by", json!("ann")),
        ("steps.fan[1].x", json!(2)),
        ("steps.go == null", json!(true)),
        ("has(steps.go) && !has(steps.nope)", json!(true)),
        ("duration(params.drain) > duration('1m')", json!(true)),
        ("duration(params.drain)", json!("1m30s")),
        ("duration('61500ms')", json!("1m1s500ms")),
        ("timestamp(run.started_at).getFullYear()", json!(2026)),
        ("env.name.upperAscii()", json!("PROD")),
        ("math.greatest(1, params.count)", json!(2)),
        ("env.urls.join('-')", json!("a-b")),
        ("type(params.count) == int", json!(true)),
        ("steps.fan.map(f, f.x * params.count)", json!([2, 4])),
        ("'b' in env.urls", json!(true)),
        ("env.?nothing.orValue('x')", json!("x")),
    ] {
        assert_eq!(one(text), Ok(value), "{text}");
    }
}

#[test]
fn what_fails_is_named() {
    for (text, message) in [
        (
            "steps.go.by == 'x'",
            "step `go` was skipped, so it has no output `by`",
        ),
        (
            "params.nope > 1",
            "unknown name `params.nope`: `params` has no `nope`",
        ),
        ("nope", "unknown name `nope`"),
        ("now()", "no function is called `now`"),
        ("params.count.foo()", "no function is called `foo`"),
        ("1 / 0", "division by zero"),
        ("env.name + 1", "`+` does not work with string and int"),
        ("env.name < 1", "`<` does not work with string, int"),
        ("env.urls[7]", "`env.urls` has 2 elements, so it has no `7`"),
    ] {
        assert_eq!(one(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn an_unused_branch_may_be_missing() {
    assert_eq!(one("env.protected || steps.go.by == 'x'"), Ok(json!(true)));
    assert_eq!(
        one("steps.go == null ? 'nobody' : steps.go.by"),
        Ok(json!("nobody"))
    );
}

#[test]
fn syntax_errors_have_places() {
    for (text, offset) in [("a && ", 5), ("a +* b", 3), ("'ü' == )", 8)] {
        let error = evaluate(text, &scope()).unwrap_err();
        assert!(
            error.message.starts_with("wrong expression syntax"),
            "{error}"
        );
        assert_eq!(error.offset, Some(offset), "{text}: {error}");
    }
}

#[test]
fn references_are_whole_paths() {
    let text = "'ü' == env.name && steps.fan.all(f, f.x > params.count) && has(steps.a.b) && steps['c'].d[0] == steps[env.k]";
    let found: Vec<_> = references(text)
        .unwrap()
        .into_iter()
        .map(|one| {
            (
                one.dotted(),
                text[one.offset..]
                    .split(['.', '['])
                    .next()
                    .unwrap()
                    .to_owned(),
                one.optional,
            )
        })
        .collect();
    let row = |path: &str, root: &str, optional| (path.to_owned(), root.to_owned(), optional);
    assert_eq!(
        found,
        [
            row("env.name", "env", false),
            row("steps.fan", "steps", false),
            row("params.count", "params", false),
            row("steps.a.b", "steps", true),
            row("steps.c.d.0", "steps", false),
            row("steps", "steps", false),
            row("env.k", "env", false),
        ]
    );
}

#[test]
fn the_values_seen_are_those_named() {
    assert_eq!(
        values_seen(
            "params.count > 3 || steps.go.by == 'x' || !env.protected",
            &scope()
        ),
        json!({"params.count": 2, "steps.go.by": null, "env.protected": true})
    );
}

#[test]
fn every_listed_function_exists_and_none_reads_a_clock() {
    let mut unknown = Vec::new();
    for name in FUNCTIONS {
        let called = |text: &str| {
            let program = super::ENV.compile(text);
            match program {
                Ok(program) => {
                    let context = cel::Context::with_env(std::sync::Arc::clone(&super::ENV));
                    match cel::Value::resolve(program.expression(), &context) {
                        Err(cel::ExecutionError::UndeclaredReference(_)) => false,
                        Ok(_) | Err(_) => true,
                    }
                }
                Err(_) => true,
            }
        };
        let known = called(&format!("{name}()")) || called(&format!("'a'.{name}()"));
        if !known {
            unknown.push(*name);
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(FUNCTIONS.is_sorted());
    for name in ["now", "rand", "env", "uuid"] {
        assert!(!FUNCTIONS.contains(&name));
    }
}

#[test]
fn deep_expressions_are_evaluated_and_deeper_ones_are_refused() {
    let sum = |terms: usize| vec!["1"; terms].join("+");
    assert_eq!(one(&sum(DEEPEST)), Ok(json!(DEEPEST)));
    let brackets = format!("{}1{}", "(".repeat(90), ")".repeat(90));
    assert_eq!(one(&brackets), Ok(json!(1)));
    for deeper in [
        sum(DEEPEST + 1),
        format!("a{}", ".b".repeat(DEEPEST)),
        format!("'a'{}", ".trim()".repeat(DEEPEST)),
    ] {
        let error = references(&deeper).unwrap_err();
        assert_eq!(
            error.message,
            format!("the expression is nested deeper than {DEEPEST} levels")
        );
    }
    let open = "(".repeat(LONGEST);
    assert!(references(&open).is_err());
}

#[test]
fn a_long_expression_is_refused_before_it_is_parsed() {
    let text = format!("'{}ä'", "a".repeat(LONGEST - 2));
    let error = references(&text).unwrap_err();
    assert_eq!(error.message, "an expression has at most 4096 bytes");
    assert_eq!(error.offset, Some(LONGEST - 1));
}
