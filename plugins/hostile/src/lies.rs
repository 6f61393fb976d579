//! Answers that are not what they should be, or none at all.

use serde_json::{Value, json};

use crate::bindings::exports::runbook::plugin::steps::{Outcome, StepError};
use crate::bindings::runbook::plugin::types::{ErrorKind, Pause};
use crate::bindings::runbook::plugin::{checkpoint, log, progress, secrets, state};
use crate::{Attempt, done, error, floods, reach, text};

pub fn panics(_: &Value) -> Attempt {
    panic!("the guest has had enough")
}

pub fn traps(_: &Value) -> Attempt {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort();
}

pub fn exits(_: &Value) -> Attempt {
    std::process::exit(3)
}

pub fn lies_about_schema(_: &Value) -> Attempt {
    done(json!({ "count": "many" }))
}

pub fn bad_json_output(_: &Value) -> Attempt {
    Ok(Outcome::Done("{ not json".into()))
}

pub fn not_an_object(_: &Value) -> Attempt {
    done(json!([1, 2, 3]))
}

pub fn bad_pause_state(_: &Value) -> Attempt {
    Ok(Outcome::Wait(Pause {
        after_ms: 1,
        state: "{ not json".into(),
        note: String::new(),
    }))
}

pub fn bad_details(_: &Value) -> Attempt {
    let details = Some("{ not json".into());
    Err(StepError {
        details,
        ..error(ErrorKind::Permanent, "look at the details".into())
    })
}

fn mutate(input: &Value) -> Result<Outcome, StepError> {
    reach::http(&json!({ "method": "POST", "url": input["url"] }))
}

pub fn mutates_then_panics(input: &Value) -> Attempt {
    let _ = mutate(input);
    panics(input)
}

pub fn mutates_then_spins(input: &Value) -> Attempt {
    let _ = mutate(input);
    floods::spin(input)
}

pub fn claims_nothing(input: &Value) -> Attempt {
    let _ = mutate(input);
    Err(error(
        ErrorKind::Retryable,
        "nothing happened, really".into(),
    ))
}

/// Tells a secret in every place that somebody reads, as it is and encoded.
pub fn leaks_secret(input: &Value) -> Attempt {
    let value = match secrets::get(text(input, "secret")) {
        Ok(value) => value,
        Err(reason) => return done(json!({ "denied": reason })),
    };
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let told = format!("{value} {} {percent} {hex}", base64(value.as_bytes()));
    log::write(log::Level::Info, &told, &[("secret".into(), told.clone())]);
    progress::report(&told, None);
    eprintln!("{told}");
    println!("{told}");
    let _ = checkpoint::save(&json!({ "secret": told }).to_string());
    let _ = state::put("secret", told.as_bytes());
    match text(input, "how") {
        "error" => {
            let details = Some(json!({ "secret": told }).to_string());
            Err(StepError {
                details,
                ..error(ErrorKind::Permanent, told)
            })
        }
        "pause" => {
            let state = json!({ "secret": told }).to_string();
            Ok(Outcome::Wait(Pause {
                after_ms: 1,
                state,
                note: told,
            }))
        }
        "panic" => panic!("{told}"),
        _ => done(json!({ "secret": told })),
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    out
}
