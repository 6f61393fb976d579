//! Plugins in registries: one component as the only layer of an OCI artifact.
//!
//! A tag leads to a manifest, the manifest to the component, both by digest; whatever a registry answers
//! is compared with the digest that was asked for.

mod credentials;

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderValue;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use oci_client::{Client, Reference};
use serde_json::json;
use thiserror::Error;
use tokio::io::AsyncWrite;

use crate::component::{Component, ComponentError};
use crate::digest::Digest;
pub use credentials::{Credentials, CredentialsError};

/// Media type of the artifact's configuration.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// Media type of the component.
const LAYER: &str = "application/wasm";

/// Annotation of the layer with the name of its file.
const TITLE: &str = "org.opencontainers.image.title";

/// Annotation of the manifest with the text of the signature.
pub const SIGNATURE: &str = "dev.runbook.minisig";

/// The largest component that is fetched, in bytes.
pub const MAX_FETCHED: u64 = 256 << 20;

/// What a registry gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The component.
    pub bytes: Vec<u8>,
    /// The manifest that led to it.
    pub manifest: Digest,
    /// The text of its signature, if it has one.
    pub signature: Option<String>,
}

/// What goes into a registry.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    /// Name of the file: `chat-notify.wasm`.
    pub title: &'a str,
    /// The component.
    pub bytes: &'a [u8],
    /// The text of its signature.
    pub signature: Option<&'a str>,
}

/// Why a plugin cannot be fetched.
#[derive(Debug, Error)]
pub enum PullError {
    /// The reference cannot be read.
    #[error("`{0}` is no reference; write `registry/repository:tag`")]
    Reference(String),
    /// There are credentials, and they cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The registry cannot be reached, or refuses.
    #[error("cannot fetch oci://{reference}{}", hint(source))]
    Registry {
        /// What was asked for.
        reference: String,
        /// What it said.
        source: OciDistributionError,
    },
    /// What it gives is something else than a plugin.
    #[error("oci://{reference} is no plugin: {why}")]
    Artifact {
        /// What was asked for.
        reference: String,
        /// What it is.
        why: String,
    },
    /// What it gives is not what its digest says.
    #[error(
        "oci://{reference} gave {found} where {wanted} was asked for; the registry is not to be trusted"
    )]
    Digest {
        /// What was asked for.
        reference: String,
        /// The digest that was asked for.
        wanted: String,
        /// The digest of what came.
        found: Digest,
    },
}

/// Why a plugin cannot be put into a registry.
#[derive(Debug, Error)]
pub enum PushError {
    /// The reference cannot be read, or names no tag.
    #[error("`{0}` is no place to push to; write `registry/repository:tag`")]
    Reference(String),
    /// The bytes are no component.
    #[error("only components are pushed")]
    Component(#[from] ComponentError),
    /// There are credentials, and they cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The registry cannot be reached, or refuses.
    #[error("cannot push to oci://{reference}{}", hint(source))]
    Registry {
        /// Where to.
        reference: String,
        /// What it said.
        source: OciDistributionError,
    },
}

/// What to do about an answer that is known.
fn hint(wrong: &OciDistributionError) -> &'static str {
    use OciErrorCode::{Denied, ManifestUnknown, NameUnknown, NotFound, Unauthorized};
    const LOG_IN: &str = ": the registry wants to know who asks; set RUNBOOK_REGISTRY_USER and \
                          RUNBOOK_REGISTRY_PASSWORD, or log in with `docker login`";
    const NO_TAG: &str = ": there is no such tag, or no such repository";
    let coded = |code: &OciErrorCode| match code {
        Denied | Unauthorized => Some(LOG_IN),
        ManifestUnknown | NameUnknown | NotFound => Some(NO_TAG),
        _ => None,
    };
    match wrong {
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::ServerError {
            code: 401 | 403, ..
        }
        | OciDistributionError::AuthenticationFailure(_) => LOG_IN,
        OciDistributionError::ImageManifestNotFoundError(_)
        | OciDistributionError::ServerError { code: 404, .. } => NO_TAG,
        OciDistributionError::RegistryError { envelope, .. } => {
            let codes = envelope.errors.iter().map(|one| &one.code);
            codes.filter_map(coded).next().unwrap_or_default()
        }
        _ => "",
    }
}

/// Fetches a component.
///
/// # Errors
/// Why it cannot be had, or trusted.
pub async fn pull(reference: &str, credentials: &Credentials) -> Result<Pulled, PullError> {
    let image: Reference = reference
        .parse()
        .map_err(|_| PullError::Reference(reference.to_owned()))?;
    let auth = credentials.of(image.resolve_registry())?;
    let client = client(&image);
    let failed = |source| PullError::Registry {
        reference: reference.to_owned(),
        source,
    };
    let differs = |wanted: &str, found: Digest| PullError::Digest {
        reference: reference.to_owned(),
        wanted: wanted.to_owned(),
        found,
    };
    let (body, _) = client
        .pull_manifest_raw(&image, &auth, &[OCI_IMAGE_MEDIA_TYPE])
        .await
        .map_err(failed)?;
    let manifest = Digest::of(&body);
    if let Some(wanted) = image.digest()
        && wanted != manifest.to_string()
    {
        return Err(differs(wanted, manifest));
    }
    let (layer, signature) = read_manifest(&body).map_err(|why| PullError::Artifact {
        reference: reference.to_owned(),
        why,
    })?;
    let mut bytes = Capped::new(layer.size);
    client
        .pull_blob(&image, &layer, &mut bytes)
        .await
        .map_err(failed)?;
    let found = Digest::of(&bytes.bytes);
    if layer.digest != found.to_string() {
        return Err(differs(&layer.digest, found));
    }
    Ok(Pulled {
        bytes: bytes.bytes,
        manifest,
        signature,
    })
}

/// The layer with the component, and the signature.
fn read_manifest(body: &[u8]) -> Result<(OciDescriptor, Option<String>), String> {
    let manifest: OciImageManifest = serde_json::from_slice(body)
        .map_err(|wrong| format!("its manifest cannot be read: {wrong}"))?;
    let config = &manifest.config.media_type;
    if config != CONFIG {
        return Err(format!("its configuration is `{config}`, not `{CONFIG}`"));
    }
    let count = manifest.layers.len();
    let Ok([layer]) = <[OciDescriptor; 1]>::try_from(manifest.layers) else {
        return Err(format!("it has {count} layers, not one"));
    };
    if layer.media_type != LAYER {
        return Err(format!(
            "its layer is `{}`, not `{LAYER}`",
            layer.media_type
        ));
    }
    if !u64::try_from(layer.size).is_ok_and(|size| size <= MAX_FETCHED) {
        return Err(format!(
            "it has {} bytes; {MAX_FETCHED} are allowed",
            layer.size
        ));
    }
    let signature = manifest
        .annotations
        .and_then(|mut all| all.remove(SIGNATURE));
    Ok((layer, signature))
}

/// Puts a component into a registry, and gives the digest of its manifest. The same component with the
/// same signature has the same digest everywhere.
///
/// # Errors
/// Why not.
pub async fn push(
    reference: &str,
    push: Push<'_>,
    credentials: &Credentials,
) -> Result<Digest, PushError> {
    let image: Reference = reference
        .parse()
        .ok()
        .filter(|image: &Reference| image.digest().is_none())
        .ok_or_else(|| PushError::Reference(reference.to_owned()))?;
    let component = Component::read(push.bytes)?;
    let auth = credentials.of(image.resolve_registry())?;
    let (manifest, config) = artifact(&component, push);
    let client = client(&image);
    let failed = |source| PushError::Registry {
        reference: reference.to_owned(),
        source,
    };
    client
        .store_auth_if_needed(image.resolve_registry(), &auth)
        .await;
    let layer = &manifest.layers[0].digest;
    client
        .push_blob(&image, push.bytes.to_vec(), layer)
        .await
        .map_err(failed)?;
    client
        .push_blob(&image, config, &manifest.config.digest)
        .await
        .map_err(failed)?;
    let body = serde_json::to_vec(&manifest).map_err(|wrong| failed(wrong.into()))?;
    let digest = Digest::of(&body);
    let kind = HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
    client
        .push_manifest_raw(&image, body, kind)
        .await
        .map_err(failed)?;
    Ok(digest)
}

/// Manifest and configuration of a component, in the layout that other tools for WebAssembly use.
fn artifact(component: &Component, push: Push<'_>) -> (OciImageManifest, Vec<u8>) {
    let names = |list: &[crate::component::Name]| -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    };
    let digest = component.digest.to_string();
    // No date: the same component shall have the same manifest whenever it is pushed.
    let config = json!({
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [digest],
        "component": { "exports": names(&component.exports), "imports": names(&component.imports) },
    });
    let config = config.to_string().into_bytes();
    let descriptor = |kind: &str, bytes: &[u8]| OciDescriptor {
        media_type: kind.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        ..OciDescriptor::default()
    };
    let mut layer = descriptor(LAYER, push.bytes);
    layer.annotations = Some(BTreeMap::from([(TITLE.to_owned(), push.title.to_owned())]));
    let signature = push
        .signature
        .map(|text| (SIGNATURE.to_owned(), text.to_owned()));
    let manifest = OciImageManifest {
        media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
        config: descriptor(CONFIG, &config),
        layers: vec![layer],
        annotations: signature.map(|one| BTreeMap::from([one])),
        ..OciImageManifest::default()
    };
    (manifest, config)
}

/// A client for one registry. Only one on this machine is spoken to without TLS.
fn client(image: &Reference) -> Client {
    let registry = image.resolve_registry();
    let protocol = match is_loopback(registry) {
        true => ClientProtocol::Http,
        false => ClientProtocol::Https,
    };
    // The feature without a provider is enough: the workspace's own HTTP client brings one, and both
    // are the same crate.
    Client::new(ClientConfig {
        protocol,
        connect_timeout: Some(Duration::from_secs(10)),
        read_timeout: Some(Duration::from_secs(30)),
        user_agent: concat!("runbook/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    })
}

fn is_loopback(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => registry,
    };
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Takes as many bytes as were announced, and no more.
struct Capped {
    bytes: Vec<u8>,
    most: usize,
}

impl Capped {
    fn new(size: i64) -> Self {
        Self {
            bytes: Vec::new(),
            most: usize::try_from(size).unwrap_or(0),
        }
    }
}

impl AsyncWrite for Capped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        more: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.bytes.len() + more.len() > self.most {
            let why = "the registry sends more than its manifest says";
            return Poll::Ready(Err(io::Error::other(why)));
        }
        self.bytes.extend_from_slice(more);
        Poll::Ready(Ok(more.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
