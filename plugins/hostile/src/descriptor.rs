//! The table of step types, and `describe` with its own kinds of ill will.

use serde_json::{Value, json};

use crate::{Attempt, floods, lies, reach};

type Entry = (&'static str, &'static str, fn(&Value) -> Attempt);

/// Name, what it does, the function. `n` in the input is a number of times or
/// bytes.
pub const STEPS: &[Entry] = &[
    ("alloc_bomb", "allocate until stopped", floods::alloc_bomb),
    ("aws", "call `service`:`action`", reach::aws),
    (
        "bad_details",
        "an error whose details are no JSON",
        lies::bad_details,
    ),
    (
        "bad_json_output",
        "an output that is no JSON",
        lies::bad_json_output,
    ),
    (
        "bad_pause_state",
        "a pause whose state is no JSON",
        lies::bad_pause_state,
    ),
    (
        "checkpoint_bomb",
        "a checkpoint of `n` bytes",
        floods::checkpoint_bomb,
    ),
    (
        "checkpoint_flood",
        "`n` checkpoints",
        floods::checkpoint_flood,
    ),
    (
        "deep_recursion",
        "call itself until stopped",
        floods::deep_recursion,
    ),
    (
        "error_bomb",
        "an error message of `n` bytes",
        floods::error_bomb,
    ),
    ("exits", "end the process", lies::exits),
    (
        "heartbeat_forever",
        "never silent, never done",
        floods::heartbeat_forever,
    ),
    (
        "http",
        "`method` `url`, with `headers` and `secret`",
        reach::http,
    ),
    (
        "leaks_secret",
        "read `secret` and tell everybody",
        lies::leaks_secret,
    ),
    (
        "lies_about_schema",
        "an output that its schema forbids",
        lies::lies_about_schema,
    ),
    ("listens_tcp", "listen on a port", reach::listens_tcp),
    ("log_bomb", "a log line of `n` bytes", floods::log_bomb),
    ("log_flood", "`n` log lines", floods::log_flood),
    (
        "many_requests",
        "`n` requests to `url`",
        reach::many_requests,
    ),
    (
        "memory_grow",
        "ask for four gigabytes at once",
        floods::memory_grow,
    ),
    (
        "mutates_then_claims_nothing",
        "POST `url`, then a retryable error",
        lies::claims_nothing,
    ),
    (
        "mutates_then_panics",
        "POST `url`, then panic",
        lies::mutates_then_panics,
    ),
    (
        "mutates_then_spins",
        "POST `url`, then loop",
        lies::mutates_then_spins,
    ),
    (
        "not_an_object",
        "an output that is a list",
        lies::not_an_object,
    ),
    ("opens_tcp", "connect to `address`", reach::opens_tcp),
    ("opens_udp", "bind and send to `address`", reach::opens_udp),
    ("output_bomb", "an output of `n` bytes", floods::output_bomb),
    ("panic", "panic with a message", lies::panics),
    (
        "pause_bomb",
        "a pause with a state of `n` bytes",
        floods::pause_bomb,
    ),
    (
        "pause_forever",
        "pause again and again",
        floods::pause_forever,
    ),
    (
        "pause_overflow",
        "a pause for as long as a number can say",
        floods::pause_overflow,
    ),
    (
        "progress_flood",
        "`n` progress reports",
        floods::progress_flood,
    ),
    (
        "reads_env",
        "count variables and arguments",
        reach::reads_env,
    ),
    ("reads_files", "read and list files", reach::reads_files),
    ("resolves_name", "look `address` up", reach::resolves_name),
    ("sleeps", "sleep `n` ms in the guest", floods::sleeps),
    (
        "sleeps_in_host_call",
        "wait for `url`, without a timeout",
        reach::sleeps_in_host_call,
    ),
    ("spin", "loop without a call", floods::spin),
    (
        "state_bomb",
        "a state value of `n` bytes",
        floods::state_bomb,
    ),
    ("state_flood", "`n` state values", floods::state_flood),
    ("stderr_flood", "`n` bytes to stderr", floods::stderr_flood),
    ("stdout_flood", "`n` bytes to stdout", floods::stdout_flood),
    ("unreachable", "trap without a word", lies::traps),
    ("wasi_http", "GET `url` through wasi:http", reach::wasi_http),
    ("writes_files", "write a file", reach::writes_files),
];

/// The descriptor, unless a feature says otherwise.
pub fn describe() -> String {
    if cfg!(feature = "describe_spins") {
        floods::forever();
    }
    if cfg!(feature = "describe_allocates") {
        let _ = floods::alloc_bomb(&Value::Null);
    }
    if cfg!(feature = "describe_panics") {
        panic!("describe was asked");
    }
    if cfg!(feature = "describe_calls") {
        let _ = reach::http(&json!({ "method": "GET", "url": "http://127.0.0.1:9/" }));
    }
    let mut wants = vec![
        json!({ "http": "GET http://127.0.0.1:*/*", "why": "to misuse it" }),
        json!({ "http": "POST http://127.0.0.1:*/*", "why": "to misuse it" }),
        json!({ "secret": "token", "use": "read", "why": "to tell everybody" }),
        json!({ "aws": "rds:DescribeDBInstances", "why": "to misuse it" }),
        json!({ "state": true, "why": "to fill it" }),
    ];
    if cfg!(feature = "describe_wants_more") {
        wants.push(json!({ "kernel": "everything", "why": "no engine knows this ability" }));
    }
    let steps: Vec<_> = STEPS
        .iter()
        .map(|(name, summary, _)| step(name, summary))
        .collect();
    json!({
        "descriptor": "runbook.plugin/1",
        "name": "hostile",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": env!("CARGO_PKG_DESCRIPTION"),
        "config": { "type": "object" },
        "wants": wants,
        "steps": steps,
    })
    .to_string()
}

fn step(name: &str, summary: &str) -> Value {
    let output = match name {
        "lies_about_schema" => json!({
            "type": "object",
            "required": ["count"],
            "properties": { "count": { "type": "integer" } },
        }),
        _ => json!({ "type": "object" }),
    };
    // With this feature one type promises what this plugin does not export.
    let idempotency = match name {
        "http" if cfg!(feature = "describe_claims_recovery") => "reconcilable",
        "http" | "aws" | "many_requests" => "idempotent",
        name if name.starts_with("mutates") => "once",
        _ => "pure",
    };
    json!({
        "name": name,
        "summary": summary,
        "idempotency": idempotency,
        "input": { "type": "object" },
        "output": output,
    })
}
