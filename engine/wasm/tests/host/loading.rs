//! What is no plugin for this engine is refused with a reason, and what was compiled is not compiled again.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runbook_wasm::component::{Component, with_descriptor};
use runbook_wasm::host::{Cache, Plugin, Runtime};
use serde_json::{Value, json};

use crate::guests;
use crate::world::World;

async fn refusal(bytes: impl Into<Arc<[u8]>>) -> String {
    let runtime = Runtime::new(Cache::new(None)).unwrap();
    match Plugin::load(&runtime, bytes.into()).await {
        Ok(_) => panic!("it was loaded"),
        Err(wrong) => wrong.to_string(),
    }
}

#[tokio::test]
async fn what_is_no_plugin_is_refused() {
    let why = refusal(&b"\0asm\x01\0\0\0"[..]).await;
    assert!(why.contains("module"), "{why}");
    refusal(&b"not at all"[..]).await;
    let whole = guests::bytes("hostile");
    refusal(&whole[..whole.len() / 2]).await;
    refusal(&whole[..whole.len() - 1]).await;
}

#[tokio::test]
async fn another_line_of_the_contract_is_named() {
    let why = refusal(guests::bytes("compat-newer")).await;
    assert!(why.contains("0.2.0") && why.contains("0.1.0"), "{why}");
}

#[tokio::test]
async fn what_a_plugin_promises_it_has_to_export() {
    let bytes = guests::bytes("hostile");
    let plugin = guests::plugin("hostile").await;
    let mut descriptor = plugin.descriptor().document.clone();
    descriptor["steps"][0]["idempotency"] = json!("reconcilable");
    let promising = with_descriptor(&bytes, descriptor.to_string().as_bytes()).unwrap();
    let why = refusal(promising).await;
    assert!(why.contains("no `recovery`"), "{why}");
    descriptor["steps"][0]["idempotency"] = json!("pure");
    descriptor["wants"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "kernel": "everything" }));
    let wanting = with_descriptor(&bytes, descriptor.to_string().as_bytes()).unwrap();
    let why = refusal(wanting).await;
    assert!(why.contains("kernel"), "{why}");
}

/// The compiled plugins in a folder, with what a write would change.
fn compiled(folder: &Path) -> Vec<(PathBuf, u64)> {
    let entries = std::fs::read_dir(folder).unwrap();
    let each = entries.map(|entry| {
        let entry = entry.unwrap();
        (entry.path(), entry.metadata().unwrap().ino())
    });
    each.collect()
}

#[tokio::test]
async fn a_plugin_is_compiled_once() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("compiled");
    let bytes = guests::bytes("compat-wit-0-1-0");
    let digest = Component::read(&bytes).unwrap().digest;
    let runtime = || Runtime::new(Cache::new(Some(folder.clone()))).unwrap();
    let load = async || Plugin::load(&runtime(), bytes.clone()).await.unwrap();
    assert!(!runtime().holds(&digest));
    load().await;
    assert!(runtime().holds(&digest));
    assert_eq!(
        std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let first = compiled(&folder);
    assert_eq!(first.len(), 1);
    load().await;
    assert_eq!(compiled(&folder), first);

    // What is damaged is thrown away, and made again.
    let whole = std::fs::read(&first[0].0).unwrap();
    let damaged = parent.path().join("damaged");
    std::fs::write(&damaged, &whole[..whole.len() / 3]).unwrap();
    std::fs::rename(&damaged, &first[0].0).unwrap();
    let plugin = load().await;
    assert_eq!(std::fs::read(&first[0].0).unwrap().len(), whole.len());
    let outputs = World::default()
        .run(&plugin, "echo", json!({ "a": 1 }))
        .await
        .done();
    assert_eq!(outputs, json!({ "a": 1 }));

    // A folder that others may write to is not believed.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let before = compiled(&folder);
    load().await;
    assert_ne!(compiled(&folder), before);
    assert_eq!(
        std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[tokio::test]
async fn a_plugin_says_the_same_of_itself_as_its_build_did() {
    let plugin = guests::plugin("compat-wit-0-1-0").await;
    let again = plugin.describe().await.unwrap();
    assert_eq!(&again, plugin.descriptor());
    assert_eq!(again.document["name"], Value::from("compat-wit-0-1-0"));
}
