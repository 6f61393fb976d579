//! A plugin that was built against the first version of the contract. It uses
//! every interface, so that an engine which changed one of them cannot load it.

wit_bindgen::generate!({ path: "wit", world: "full-plugin", generate_all });

use exports::runbook::plugin::{compensation, preview, recovery, steps};
use runbook::plugin::types::{Outcome, Pause, StepError, Verdict};
use runbook::plugin::{aws, checkpoint, context, http, log, progress, secrets, state};

struct Component;
export!(Component);

const DESCRIPTOR: &str = r#"{
  "descriptor": "runbook.plugin/1",
  "name": "compat-wit-0-1-0", "version": "0.1.0", "summary": "Speaks the first version",
  "wants": [
    { "http": "GET http://127.0.0.1:*/*", "why": "to be refused or answered" },
    { "secret": "any", "use": "read", "why": "to be refused or answered" },
    { "aws": "sts:GetCallerIdentity", "why": "to be refused or answered" },
    { "state": true, "why": "to be refused or answered" }
  ],
  "steps": [
    { "name": "echo", "summary": "Return the input",
      "idempotency": "reconcilable", "undo": true, "plan": true,
      "input": { "type": "object" }, "output": { "type": "object" } },
    { "name": "wait", "summary": "Pause once, then return what the pause stored", "idempotency": "pure",
      "input": { "type": "object" }, "output": { "type": "object" } },
    { "name": "everything", "summary": "Call every function of the host", "idempotency": "pure",
      "input": { "type": "object" },
      "output": { "type": "object", "required": ["calls"], "properties": { "calls": { "type": "integer" } } } }
  ]
}"#;

impl steps::Guest for Component {
    fn describe() -> String {
        DESCRIPTOR.into()
    }

    fn run(step: String, inputs: String) -> Result<Outcome, StepError> {
        match step.as_str() {
            "echo" => Ok(Outcome::Done(inputs)),
            "wait" => Ok(match context::resume_state() {
                Some(state) => Outcome::Done(state),
                None => Outcome::Wait(Pause {
                    after_ms: 1,
                    state: inputs,
                    note: "once".into(),
                }),
            }),
            _ => Ok(Outcome::Done(everything())),
        }
    }
}

/// Whether the host grants a call does not matter here, only that it can be made.
fn everything() -> String {
    let facts = [
        context::run_id(),
        context::step_id(),
        context::attempt().to_string(),
        context::idempotency_key(),
        context::environment(),
        context::dry_run().to_string(),
        context::config(),
        context::resume_state().unwrap_or_default(),
        context::remaining_ms().to_string(),
        context::cancelled().to_string(),
    ];
    log::write(
        log::Level::Info,
        "facts",
        &[("n".into(), facts.len().to_string())],
    );
    progress::report("half of it", Some(50));
    progress::heartbeat();
    let _ = checkpoint::save("{}");
    let _ = secrets::get("any");
    let _ = state::get("key");
    let _ = state::put("key", b"1");
    let _ = state::replace("key", Some(b"1"), b"2");
    let _ = state::delete("key");
    let _ = http::send(&http::Request {
        method: "GET".into(),
        url: "http://127.0.0.1:9/".into(),
        headers: Vec::new(),
        body: Vec::new(),
        timeout_ms: Some(100),
        auth: None,
    });
    let input = aws::QueryInput {
        api_version: "2011-06-15".into(),
        params: Vec::new(),
    };
    let _ = aws::call(&aws::Request {
        service: "sts".into(),
        action: "GetCallerIdentity".into(),
        region: None,
        identity: None,
        input: aws::Input::Query(input),
    });
    format!(r#"{{"calls":{}}}"#, facts.len() + 10)
}

impl recovery::Guest for Component {
    fn reconcile(_: String, inputs: String) -> Result<Verdict, StepError> {
        Ok(Verdict::Happened(inputs))
    }
}

impl compensation::Guest for Component {
    fn undo(_: String, _: String, outputs: String) -> Result<Outcome, StepError> {
        Ok(Outcome::Done(outputs))
    }
}

impl preview::Guest for Component {
    fn plan(step: String, _: String) -> Result<String, StepError> {
        Ok(format!(r#"[{{"summary":"run {step}"}}]"#))
    }
}
