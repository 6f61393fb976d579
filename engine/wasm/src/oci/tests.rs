//! Against a registry as others run it: `docker-registry` of Debian, as a process of its own on this
//! machine. Where it is not installed these tests say so and do nothing, except in CI, where they fail.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{Credentials, PullError, Push, PushError, is_loopback, pull, push, read_manifest};
use crate::component::tests::component;
use crate::digest::Digest;
use crate::sign::tests::BY_A;
use crate::source::Source;

struct Registry {
    process: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    fn start(more: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let config = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
             http: {{ addr: \"127.0.0.1:0\" }}\n{more}\n",
            data.display()
        );
        std::fs::write(
            &config,
            text.replace("FOLDER", &folder.path().display().to_string()),
        )
        .unwrap();
        std::fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
        let mut command = Command::new("docker-registry");
        command
            .arg("serve")
            .arg(&config)
            .env("OTEL_TRACES_EXPORTER", "none");
        let started = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(wrong) => {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "apt-get install docker-registry: {wrong}"
                );
                eprintln!("not tested: docker-registry is not installed ({wrong})");
                return None;
            }
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, rest) = line.split_once("listening on ")?;
            let end = rest.find(|one: char| one != '.' && one != ':' && !one.is_ascii_digit());
            Some(rest[..end.unwrap_or(rest.len())].to_owned())
        });
        // What it says from now on has to go somewhere, or it stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let address = address.expect("the registry says where it listens");
        Some(Self {
            process,
            address,
            folder,
        })
    }

    fn reference(&self, tag: &str) -> String {
        format!("{}/sre/chat:{tag}", self.address)
    }

    /// The file that holds a blob.
    fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let blobs = "data/docker/registry/v2/blobs/sha256";
        self.folder
            .path()
            .join(format!("{blobs}/{}/{hex}/data", &hex[..2]))
    }
}

/// ann, hunter2.
const HTPASSWD: &str = "ann:$2a$04$ykElv.mbv4Da/uQieGpfReF9Ez2U.jIJ7LZhBOPqNfym2CDm0F6lS\n";

fn wasm() -> Vec<u8> {
    component(
        &[("runbook:plugin/log@0.1.0", &["write"])],
        &["runbook:plugin/steps@0.1.0"],
    )
}

fn signed(bytes: &[u8]) -> Push<'_> {
    Push {
        title: "chat.wasm",
        bytes,
        signature: Some(BY_A),
    }
}

#[tokio::test]
async fn what_was_pushed_is_pulled() {
    let Some(registry) = Registry::start("") else {
        return;
    };
    let nobody = Credentials::default();
    let bytes = wasm();
    let manifest = push(&registry.reference("1"), signed(&bytes), &nobody)
        .await
        .unwrap();
    let pulled = pull(&registry.reference("1"), &nobody).await.unwrap();
    assert_eq!((pulled.bytes, pulled.manifest), (bytes.clone(), manifest));
    assert_eq!(pulled.signature.as_deref(), Some(BY_A));
    // The same again is the same manifest, and can be asked for by its digest.
    assert_eq!(
        push(&registry.reference("2"), signed(&bytes), &nobody)
            .await
            .unwrap(),
        manifest
    );
    let by_digest = format!("oci://{}/sre/chat@{manifest}", registry.address);
    let source: Source = by_digest.parse().unwrap();
    let found = source
        .resolve(registry.folder.path(), "chat", &nobody)
        .await
        .unwrap();
    assert_eq!(
        (found.bytes, found.manifest),
        (bytes.clone(), Some(manifest))
    );
    let unsigned = Push {
        signature: None,
        ..signed(&bytes)
    };
    let other = push(&registry.reference("3"), unsigned, &nobody)
        .await
        .unwrap();
    assert_ne!(other, manifest);
    assert_eq!(
        pull(&registry.reference("3"), &nobody)
            .await
            .unwrap()
            .signature,
        None
    );
}

#[tokio::test]
async fn what_was_changed_in_the_registry_is_refused() {
    let Some(registry) = Registry::start("") else {
        return;
    };
    let nobody = Credentials::default();
    let bytes = wasm();
    let manifest = push(&registry.reference("1"), signed(&bytes), &nobody)
        .await
        .unwrap();
    let mut evil = bytes.clone();
    *evil.last_mut().unwrap() ^= 1;
    let blob = registry.blob(&Digest::of(&bytes));
    std::fs::write(&blob, &evil).unwrap();
    assert!(pull(&registry.reference("1"), &nobody).await.is_err());
    std::fs::write(&blob, [bytes.clone(), vec![0; 100]].concat()).unwrap();
    assert!(pull(&registry.reference("1"), &nobody).await.is_err());
    std::fs::write(&blob, &bytes).unwrap();
    pull(&registry.reference("1"), &nobody).await.unwrap();
    let text = std::fs::read_to_string(registry.blob(&manifest)).unwrap();
    std::fs::write(
        registry.blob(&manifest),
        text.replace("chat.wasm", "evil.wasm"),
    )
    .unwrap();
    let by_digest = format!("{}/sre/chat@{manifest}", registry.address);
    assert!(pull(&by_digest, &nobody).await.is_err());
}

#[tokio::test]
async fn who_may_not_is_told_how_to_log_in() {
    let auth = "auth: { htpasswd: { realm: test, path: FOLDER/htpasswd } }";
    let Some(registry) = Registry::start(auth) else {
        return;
    };
    let bytes = wasm();
    let nobody = push(
        &registry.reference("1"),
        signed(&bytes),
        &Credentials::default(),
    )
    .await;
    let said = nobody.unwrap_err().to_string();
    assert!(said.contains("RUNBOOK_REGISTRY_USER"), "{said}");
    let ann = |password: &str| Credentials {
        given: Some(("ann".to_owned(), password.to_owned())),
        docker: None,
    };
    let wrong = push(&registry.reference("1"), signed(&bytes), &ann("hunter3")).await;
    assert!(matches!(wrong, Err(PushError::Registry { .. })));
    push(&registry.reference("1"), signed(&bytes), &ann("hunter2"))
        .await
        .unwrap();
    let said = pull(&registry.reference("1"), &Credentials::default())
        .await
        .unwrap_err();
    assert!(said.to_string().contains("docker login"), "{said}");
    assert_eq!(
        pull(&registry.reference("1"), &ann("hunter2"))
            .await
            .unwrap()
            .bytes,
        bytes
    );
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let Some(registry) = Registry::start("") else {
        return;
    };
    let missing = pull(&registry.reference("9"), &Credentials::default())
        .await
        .unwrap_err();
    let said = missing.to_string();
    assert!(
        said.starts_with(&format!("cannot fetch oci://{}", registry.reference("9"))),
        "{said}"
    );
    assert!(said.contains("there is no such"), "{said}");
}

#[tokio::test]
async fn only_components_are_pushed_and_only_to_tags() {
    let nobody = Credentials::default();
    let module = Push {
        title: "x",
        bytes: b"\0asm\x01\0\0\0",
        signature: None,
    };
    let wrong = push("localhost:1/a:1", module, &nobody).await.unwrap_err();
    assert!(matches!(wrong, PushError::Component(_)));
    let digest = format!("localhost:1/a@{}", Digest::of(b"x"));
    let bytes = wasm();
    let wrong = push(&digest, signed(&bytes), &nobody).await.unwrap_err();
    assert!(matches!(wrong, PushError::Reference(_)));
    let wrong = pull("localhost:1/A B", &nobody).await.unwrap_err();
    assert!(matches!(wrong, PullError::Reference(_)));
    // Nobody listens there; and the client can be made without any more ado, with TLS too.
    assert!(matches!(
        pull("localhost:1/a:1", &nobody).await,
        Err(PullError::Registry { .. })
    ));
    assert!(matches!(
        pull("registry.invalid/a:1", &nobody).await,
        Err(PullError::Registry { .. })
    ));
}

#[test]
fn other_artifacts_are_refused_in_words() {
    let manifest = |config: &str, layers: &[(&str, i64)]| {
        let layers: Vec<_> = layers
            .iter()
            .map(|(kind, size)| serde_json::json!({ "mediaType": kind, "digest": "sha256:0", "size": size }))
            .collect();
        let config = serde_json::json!({ "mediaType": config, "digest": "sha256:0", "size": 2 });
        let all = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": layers });
        read_manifest(all.to_string().as_bytes()).map(|(layer, _)| layer.size)
    };
    assert_eq!(manifest(super::CONFIG, &[(super::LAYER, 3)]), Ok(3));
    let image = "application/vnd.oci.image.config.v1+json";
    assert!(
        manifest(image, &[(super::LAYER, 3)])
            .unwrap_err()
            .contains(image)
    );
    assert!(
        manifest(super::CONFIG, &[])
            .unwrap_err()
            .contains("0 layers")
    );
    assert!(
        manifest(super::CONFIG, &[("text/plain", 3)])
            .unwrap_err()
            .contains("text/plain")
    );
    assert!(manifest(super::CONFIG, &[(super::LAYER, -1)]).is_err());
    assert!(manifest(super::CONFIG, &[(super::LAYER, 1 << 40)]).is_err());
    assert!(read_manifest(b"[]").is_err());
}

#[test]
fn only_this_machine_is_spoken_to_without_tls() {
    for yes in [
        "localhost",
        "localhost:5000",
        "127.0.0.1:5000",
        "[::1]:5000",
        "[::1]",
    ] {
        assert!(is_loopback(yes), "{yes}");
    }
    for no in [
        "localhost.example.com",
        "10.0.0.1:5000",
        "registry.example.com",
        "127.0.0.1.nip.io",
    ] {
        assert!(!is_loopback(no), "{no}");
    }
}
