use serde_json::{Value, json};

use super::{references, render};
use crate::scope::Scope;

fn scope() -> Scope {
    Scope::new()
        .with(
            "params",
            json!({"domain": "Example.org", "count": 2, "rate": 1.5, "none": null}),
        )
        .with(
            "env",
            json!({"name": "prod", "urls": ["a", "b"], "net": "10.0.0.0/16",
            "subnets": [{"id": "s-1", "az": {"n": 1}}, {"id": "s-2", "az": {"n": 2}}]}),
        )
        .with("run", json!({"started_at": "2026-03-01T23:30:00Z"}))
        .with(
            "steps",
            json!({"go": null, "my-step": {"by": "ann"}, "fan": [{"x": 1}, {"x": 2}]}),
        )
}

fn one(text: &str) -> Result<Value, String> {
    render(&json!(text), &scope()).map_err(|error| error.message)
}

#[test]
fn a_lone_expression_keeps_its_type() {
    for (text, value) in [
        ("plain", json!("plain")),
        ("{{ env.urls }}", json!(["a", "b"])),
        ("{{params.count}}", json!(2)),
        ("{{ params.none }}", Value::Null),
        ("{{{ params.rate }}}", json!(1.5)),
        ("n={{ params.count }}", json!("n=2")),
        ("{{ params.count }}{{ params.count }}", json!("22")),
        ("{{ env.urls }}!", json!("[\"a\",\"b\"]!")),
        ("<{{ params.none }}>", json!("<>")),
        ("{{ params.domain }} & <b>", json!("Example.org & <b>")),
        ("{{ steps.my-step.by }}", json!("ann")),
        ("{{ steps.fan.1.x }}", json!(2)),
        ("{{ steps.fan.[0].x }}", json!(1)),
        ("\\{{ raw }}", json!("{{ raw }}")),
    ] {
        assert_eq!(one(text), Ok(value), "{text}");
    }
}

#[test]
fn helpers_nest_with_their_types() {
    for (text, value) in [
        ("{{ default params.nope 7 }}", json!(7)),
        ("{{ default params.none \"x\" }}", json!("x")),
        ("{{ default steps.go.by \"nobody\" }}", json!("nobody")),
        ("{{ default params.count 7 }}", json!(2)),
        ("{{ default nothing.at.all env.name }}", json!("prod")),
        ("{{ json env.urls }}", json!("[\"a\",\"b\"]")),
        ("{{ join env.urls \"; \" }}", json!("a; b")),
        ("{{ lower params.domain }}", json!("example.org")),
        ("{{ upper (lower params.domain) }}", json!("EXAMPLE.ORG")),
        (
            "{{ replace params.domain \"Example\" \"x\" }}",
            json!("x.org"),
        ),
        ("{{ length env.urls }}", json!(2)),
        ("{{ first env.urls }}", json!("a")),
        ("{{ last (pluck env.subnets \"id\") }}", json!("s-2")),
        ("{{ pluck env.subnets 'az.n' }}", json!([1, 2])),
        ("{{ cidr_subnet env.net 8 3 }}", json!("10.0.3.0/24")),
        (
            "{{ cidr_subnet \"fd00::/48\" 16 10 }}",
            json!("fd00:0:0:a::/64"),
        ),
        (
            "{{ date run.started_at \"%d.%m.%Y\" }}",
            json!("01.03.2026"),
        ),
        (
            "{{ date run.started_at \"%H\" tz=\"Europe/Berlin\" }}",
            json!("00"),
        ),
        ("{{ add params.count 3 }}", json!(5)),
        ("{{ add params.rate 1 }}", json!(2.5)),
        ("{{ eq params.count 2 }}", json!(true)),
        ("{{ ne env.name \"prod\" }}", json!(false)),
        (
            "{{ and (gt params.count 1) (lte params.count 2) }}",
            json!(true),
        ),
        ("{{ or false (not true) }}", json!(false)),
        ("{{ lookup env.urls 1 }}", json!("b")),
        (
            "{{#if (eq env.name \"prod\")}}yes{{else}}no{{/if}}",
            json!("yes"),
        ),
        (
            "{{#each env.urls}}{{@index}}={{this}};{{/each}}",
            json!("0=a;1=b;"),
        ),
        (
            "{{#each env.subnets as |s|}}{{s.id}}/{{id}}/{{env.name}} {{/each}}",
            json!("s-1/s-1/prod s-2/s-2/prod "),
        ),
    ] {
        assert_eq!(one(text), Ok(value), "{text}");
    }
}

#[test]
fn blocks_chain_and_nest() {
    for (text, value) in [
        (
            "{{#if params.none}}a{{else if env.urls}}b{{else}}c{{/if}}",
            "b",
        ),
        ("{{#unless params.none}}a{{/unless}}", "a"),
        ("{{#with env.net}}<{{this}}>{{/with}}", "<10.0.0.0/16>"),
        (
            "{{#each env.urls}}{{#if @first}}[{{else}},{{/if}}{{this}}{{#if @last}}]{{/if}}{{/each}}",
            "[a,b]",
        ),
        (
            "{{#each (pluck env.subnets \"id\") as |id n|}}{{n}}:{{id}} {{/each}}",
            "0:s-1 1:s-2 ",
        ),
        ("a {{~ env.name ~}} b", "aprodb"),
    ] {
        assert_eq!(one(text), Ok(json!(value)), "{text}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (text, message) in [
        ("{{ nope }}", "unknown name `nope`"),
        (
            "{{ params.domian }}",
            "unknown name `params.domian`: `params` has no `domian`",
        ),
        ("x {{ env.a.b }}", "unknown name `env.a`: `env` has no `a`"),
        (
            "{{ steps.go.by }}",
            "step `go` was skipped, so it has no output `by`",
        ),
        (
            "{{ steps.no.by }}",
            "unknown name `steps.no`: no step `no` has ended",
        ),
        (
            "{{ params.none.x }}",
            "`params.none` is null, so it has no `x`",
        ),
        (
            "{{ params.count.x }}",
            "`params.count` is a number, so it has no `x`",
        ),
        (
            "{{ env.urls.9 }}",
            "`env.urls` has 2 elements, so it has no `9`",
        ),
        ("{{ shout env.name }}", "no helper is called `shout`"),
        (
            "{{ lower params.count }}",
            "`lower` takes a string, not a number",
        ),
        ("{{ lower }}", "helper `lower` needs arguments"),
        (
            "{{ upper params.nope }}",
            "unknown name `params.nope`: `params` has no `nope`",
        ),
        ("{{ env.name ", "wrong template syntax"),
        ("{{> part}}", "partials and decorators are not available"),
        (
            "{{ cidr_subnet env.net 2 4 }}",
            "`cidr_subnet` has only 4 networks of that size, so no number 4",
        ),
    ] {
        assert_eq!(one(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn lists_and_maps_are_rendered_inside_and_keys_are_not() {
    let value = json!({"{{k}}": ["{{ env.name }}", {"a": "{{ params.count }}"}], "n": 1});
    let rendered = json!({"{{k}}": ["prod", {"a": 2}], "n": 1});
    assert_eq!(render(&value, &scope()).unwrap(), rendered);
}

#[test]
fn references_have_places() {
    let text = "a {{ params.x }} {{ default steps.y.z (lower env.e) }} params.x {{#each env.l}}{{this}}{{own}}{{params.x}}{{/each}}";
    let found: Vec<_> = references(text)
        .unwrap()
        .into_iter()
        .map(|one| (one.dotted(), one.offset, one.optional))
        .collect();
    let at = |part: &str, from: usize| from + text[from..].find(part).unwrap();
    assert_eq!(
        found,
        [
            ("params.x".to_owned(), at("params.x", 0), false),
            ("steps.y.z".to_owned(), at("steps", 0), true),
            ("env.e".to_owned(), at("env.e", 0), false),
            ("env.l".to_owned(), at("env.l", 0), false),
            (
                "params.x".to_owned(),
                text.rfind("params.x").unwrap(),
                false
            ),
        ]
    );
    assert_eq!(
        references("{{ shout x }}").unwrap_err().helper.as_deref(),
        Some("shout")
    );
    assert_eq!(
        references("{{ a b").unwrap_err().message,
        "wrong template syntax"
    );
    assert!(references("no template").unwrap().is_empty());
}
