//! Too much of something.

use serde_json::{Value, json};
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use crate::bindings::exports::runbook::plugin::steps::Outcome;
use crate::bindings::runbook::plugin::types::{ErrorKind, Pause};
use crate::bindings::runbook::plugin::{checkpoint, context, log, progress, state};
use crate::{Attempt, done, error, size};

const MIB: usize = 1 << 20;

pub fn forever() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

pub fn spin(_: &Value) -> Attempt {
    forever()
}

pub fn sleeps(input: &Value) -> Attempt {
    std::thread::sleep(Duration::from_millis(size(input, 600_000) as u64));
    done(json!({ "slept": true }))
}

pub fn heartbeat_forever(_: &Value) -> Attempt {
    loop {
        progress::heartbeat();
    }
}

pub fn alloc_bomb(_: &Value) -> Attempt {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(vec![1; MIB]));
    }
}

/// Asks for all the memory that an address can name, at once and past the
/// allocator; a refusal is an answer here.
pub fn memory_grow(_: &Value) -> Attempt {
    #[cfg(target_family = "wasm")]
    let before = core::arch::wasm32::memory_grow::<0>(60_000);
    #[cfg(not(target_family = "wasm"))]
    let before = usize::MAX;
    done(json!({ "refused": before == usize::MAX }))
}

#[allow(unconditional_recursion, reason = "that is the point")]
fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    deeper(black_box(depth + 1)).wrapping_add(frame[7])
}

pub fn deep_recursion(_: &Value) -> Attempt {
    done(json!({ "depth": deeper(0) }))
}

pub fn log_flood(input: &Value) -> Attempt {
    let lines = size(input, 100_000);
    for line in 0..lines {
        log::write(log::Level::Info, &format!("line {line}"), &[]);
    }
    done(json!({ "lines": lines }))
}

pub fn log_bomb(input: &Value) -> Attempt {
    let message = "x".repeat(size(input, 10 * MIB));
    log::write(
        log::Level::Info,
        &message,
        &[("field".into(), message.clone())],
    );
    done(json!({ "bytes": message.len() }))
}

pub fn progress_flood(input: &Value) -> Attempt {
    let reports = size(input, 100_000);
    for report in 0..reports {
        progress::report(&format!("report {report}"), Some(255));
    }
    done(json!({ "reports": reports }))
}

pub fn stderr_flood(input: &Value) -> Attempt {
    flood(&mut std::io::stderr(), size(input, 4 * MIB))
}

pub fn stdout_flood(input: &Value) -> Attempt {
    flood(&mut std::io::stdout(), size(input, 4 * MIB))
}

fn flood(to: &mut dyn Write, bytes: usize) -> Attempt {
    let line = [b'x'; 1024];
    for written in (0..bytes).step_by(line.len()) {
        if let Err(problem) = to.write_all(&line) {
            return done(json!({ "bytes": written, "problem": problem.to_string() }));
        }
    }
    done(json!({ "bytes": bytes }))
}

pub fn output_bomb(input: &Value) -> Attempt {
    done(json!({ "big": "x".repeat(size(input, 20 * MIB)) }))
}

pub fn error_bomb(input: &Value) -> Attempt {
    Err(error(
        ErrorKind::Permanent,
        "x".repeat(size(input, 20 * MIB)),
    ))
}

pub fn pause_bomb(input: &Value) -> Attempt {
    let state = json!("x".repeat(size(input, 20 * MIB))).to_string();
    Ok(Outcome::Wait(Pause {
        after_ms: 1,
        state,
        note: "big".into(),
    }))
}

pub fn pause_forever(_: &Value) -> Attempt {
    let turns = context::resume_state()
        .and_then(|state| state.parse::<u64>().ok())
        .unwrap_or(0);
    let note = format!("turn {turns}");
    Ok(Outcome::Wait(Pause {
        after_ms: 0,
        state: (turns + 1).to_string(),
        note,
    }))
}

pub fn pause_overflow(_: &Value) -> Attempt {
    Ok(Outcome::Wait(Pause {
        after_ms: u64::MAX,
        state: "{}".into(),
        note: "long".into(),
    }))
}

pub fn checkpoint_bomb(input: &Value) -> Attempt {
    let note = json!("x".repeat(size(input, 20 * MIB))).to_string();
    done(json!({ "refused": checkpoint::save(&note).err() }))
}

pub fn checkpoint_flood(input: &Value) -> Attempt {
    let notes = size(input, 100_000);
    let saved = (0..notes)
        .take_while(|n| checkpoint::save(&n.to_string()).is_ok())
        .count();
    done(json!({ "saved": saved }))
}

pub fn state_bomb(input: &Value) -> Attempt {
    let stored = state::put("big", &vec![b'1'; size(input, MIB)]);
    done(json!({ "stored": stored.map_err(|problem| problem.to_string()).err() }))
}

pub fn state_flood(input: &Value) -> Attempt {
    let keys = size(input, 100_000);
    let stored = (0..keys)
        .take_while(|n| state::put(&format!("key-{n}"), b"1").is_ok())
        .count();
    done(json!({ "stored": stored }))
}
