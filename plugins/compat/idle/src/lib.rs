//! A plugin that does nothing, to measure what a call of a plugin costs.

wit_bindgen::generate!({ path: "../../wit", world: "plugin", generate_all });

use exports::runbook::plugin::steps;
use runbook::plugin::types::{Outcome, StepError};

struct Component;
export!(Component);

impl steps::Guest for Component {
    fn describe() -> String {
        include_str!("../descriptor.json").into()
    }

    fn run(_: String, inputs: String) -> Result<Outcome, StepError> {
        Ok(Outcome::Done(inputs))
    }
}
