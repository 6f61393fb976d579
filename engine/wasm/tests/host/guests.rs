//! The plugins that the tests call, built from source.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use runbook_wasm::host::{Cache, Plugin, Runtime};

/// Built by whichever test comes first; to cargo the others' builds are nothing to do.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let packages = [
        "hostile",
        "compat-newer",
        "compat-wit-0-1-0",
        "chat-notify",
        "cloudflare-dns",
        "rds-promote",
    ];
    let arguments: Vec<_> = packages
        .iter()
        .flat_map(|name| ["--package", name])
        .collect();
    build("guests", &arguments)
});

/// The folder of all plugins of the project.
pub(crate) fn plugins() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins")
}

/// A folder of this build that is kept from one run of the tests to the next.
pub(crate) fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Builds plugins for the sandbox, and gives the folder of the components.
fn build(folder: &str, arguments: &[&str]) -> PathBuf {
    runbook_tests::wasm_target();
    let target = kept(folder);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args([
            "build",
            "--quiet",
            "--locked",
            "--release",
            "--target",
            "wasm32-wasip2",
        ])
        .args([
            "--manifest-path".as_ref(),
            plugins().join("Cargo.toml").as_os_str(),
        ])
        .args(arguments)
        // What is built for tests has to be there soon.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_TARGET_DIR", &target);
    // What the host is built with is not for its guests.
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "RUSTC_WORKSPACE_WRAPPER",
    ] {
        cargo.env_remove(name);
    }
    let status = cargo.status().expect("cargo is there");
    assert!(status.success(), "the plugins cannot be built");
    target.join("wasm32-wasip2/release")
}

/// The bytes of a plugin of the project.
pub(crate) fn bytes(name: &str) -> Arc<[u8]> {
    let path = BUILT.join(format!("{}.wasm", name.replace('-', "_")));
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .into()
}

/// The hostile plugin, whose ill will begins before anybody has granted anything. One test after the other.
pub(crate) fn hostile_with(feature: &str) -> Arc<[u8]> {
    let folder = build("hostile", &["--package", "hostile", "--features", feature]);
    std::fs::read(folder.join("hostile.wasm"))
        .expect("it was built")
        .into()
}

/// An engine whose compiled plugins are kept.
pub(crate) fn runtime() -> Runtime {
    Runtime::new(Cache::new(Some(kept("compiled")))).expect("this machine runs WebAssembly")
}

/// A plugin of the project, ready to be called.
pub(crate) async fn plugin(name: &str) -> Plugin {
    Plugin::load(&runtime(), bytes(name))
        .await
        .unwrap_or_else(|wrong| panic!("{name}: {wrong}"))
}
