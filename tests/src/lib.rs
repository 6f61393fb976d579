//! What the tests of several crates need.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What plugins in Rust are built for.
const TARGET: &str = "wasm32-wasip2";

/// Installs the target of plugins where Rust has none yet. `rust-toolchain.toml` asks for it, and rustup
/// follows by itself only where that is not turned off.
///
/// # Panics
/// When the target is not there and cannot be installed.
pub fn wasm_target() {
    if is_there() {
        return;
    }
    // Tests may be processes of their own, and rustup installs one thing at a time. A file that is
    // there anyway is locked.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let lock = File::open(file).and_then(|file| file.lock().map(|()| file));
    assert!(lock.is_ok(), "no lock for rustup: {lock:?}");
    if is_there() {
        return;
    }
    let added = here("rustup").args(["target", "add", TARGET]).status();
    assert!(
        added.is_ok_and(|status| status.success()),
        "plugins cannot be built here: `rustup target add {TARGET}` failed"
    );
}

fn is_there() -> bool {
    let asked = ["--print", "target-libdir", "--target", TARGET];
    let output = here("rustc").args(asked).output();
    output.is_ok_and(|output| {
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        output.status.success() && folder.is_dir()
    })
}

/// In the project, whose toolchain is meant.
fn here(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    command
}
