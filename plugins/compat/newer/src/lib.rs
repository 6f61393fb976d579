//! A plugin that speaks a version of the contract which this engine does not.

wit_bindgen::generate!({ path: "wit", world: "plugin", generate_all });

use exports::runbook::plugin::steps::{Guest, Outcome, StepError};
use runbook::plugin::clock;

struct Component;
export!(Component);

impl Guest for Component {
    fn describe() -> String {
        r#"{
          "descriptor": "runbook.plugin/1",
          "name": "compat-newer", "version": "0.1.0", "summary": "Speaks a later version",
          "wants": [],
          "steps": [{ "name": "now", "summary": "Tell the time", "idempotency": "pure",
            "input": { "type": "object" }, "output": { "type": "object" } }]
        }"#
        .into()
    }

    fn run(_: String, _: String) -> Result<Outcome, StepError> {
        Ok(Outcome::Done(format!(
            r#"{{"now_ms":{}}}"#,
            clock::now_ms()
        )))
    }
}
