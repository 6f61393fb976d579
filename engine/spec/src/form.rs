//! Answers to the form of a `manual` step: checked all at once, before they are recorded.

use std::collections::BTreeMap;

use runbook_core::Param;
use serde_json::{Map, Value};

use crate::nearest::hint;
use crate::params::{ParamError, error};

/// Checks the answers `given` against the form of the step `step`. Texts are read as the declared type,
/// so they can come from a command line as they are. The result is the object that the step gives, with
/// the defaults of what was not answered.
///
/// # Errors
/// Every unknown, missing and wrong answer.
pub fn check_answers(
    step: &str,
    form: &BTreeMap<String, Param>,
    given: &BTreeMap<String, Value>,
) -> Result<Value, Vec<ParamError>> {
    let mut wrong: Vec<ParamError> = given
        .keys()
        .filter(|name| !form.contains_key(*name))
        .map(|name| ParamError {
            name: name.clone(),
            message: format!("step `{step}` does not ask for `{name}`"),
            help: hint(name, form.keys().map(String::as_str)),
        })
        .collect();
    let mut answers = Map::new();
    for (name, param) in form {
        let checked = match (given.get(name), &param.default) {
            // A definition that an older engine took; its answer would be kept in clear.
            (Some(_), _) if param.secret => Err("is secret and would be kept in clear: \
                name the secret in the environment and read it as `secrets.NAME`"
                .to_owned()),
            (Some(value), _) => crate::value::read(param, value),
            // It was rendered with the question.
            (None, Some(default)) => crate::value::check(param, default),
            (None, None) => Err("is missing".to_owned()),
        };
        match checked {
            Ok(value) => {
                answers.insert(name.clone(), value);
            }
            Err(why) => wrong.push(error("answer", name, param, &why)),
        }
    }
    if wrong.is_empty() {
        Ok(Value::Object(answers))
    } else {
        Err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form() -> BTreeMap<String, Param> {
        serde_json::from_value(json!({
            "ticket": {"type": "string", "pattern": "^[A-Z]+-[0-9]+$", "description": "The change"},
            "count": {"type": "integer", "default": 2},
            "drain": {"type": "duration", "default": "90s"},
            "zones": {"type": "list", "default": [], "items": {"type": "aws.zone"}},
        }))
        .unwrap()
    }

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, Value> {
        let pair = |(name, text): &(&str, &str)| ((*name).to_owned(), json!(text));
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn answers_are_read_as_their_types_and_defaults_are_filled_in() {
        let answers = given(&[
            ("ticket", "OPS-7"),
            ("count", "3"),
            ("zones", "[eu-west-1a]"),
        ]);
        assert_eq!(
            check_answers("go", &form(), &answers),
            Ok(json!({"ticket": "OPS-7", "count": 3, "drain": "1m30s", "zones": ["eu-west-1a"]}))
        );
    }

    #[test]
    fn every_wrong_answer_comes_at_once() {
        let answers = given(&[("cuont", "3"), ("count", "many"), ("zones", "[moon]")]);
        let wrong = check_answers("go", &form(), &answers).unwrap_err();
        let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "step `go` does not ask for `cuont`",
                "answer `count` has to be a whole number, not the text `many`",
                "answer `ticket` is missing",
                "answer `zones`: element 0: has to be a zone such as us-east-1a, not the text `moon`",
            ]
        );
        assert_eq!(wrong[0].help.as_deref(), Some("did you mean `count`?"));
        assert_eq!(wrong[2].help.as_deref(), Some("`ticket`: The change"));
    }

    #[test]
    fn a_secret_answer_is_refused_and_not_repeated() {
        let form: BTreeMap<String, Param> =
            serde_json::from_value(json!({"pin": {"type": "string", "secret": true}})).unwrap();
        let wrong = check_answers("go", &form, &given(&[("pin", "hunter2")])).unwrap_err();
        assert!(wrong[0].message.contains("kept in clear"), "{wrong:?}");
        assert!(!wrong[0].message.contains("hunter2"), "{wrong:?}");
    }
}
