//! Components, read without running them: names, versions, and the descriptor that was built in.

mod name;
mod section;

use std::collections::BTreeMap;

use semver::Version;
use thiserror::Error;
use wasmparser::{
    ComponentExternalKind, ComponentType, ComponentTypeRef, Encoding, InstanceTypeDeclaration,
    Parser, Payload,
};

use crate::descriptor::{Descriptor, DescriptorError};
use crate::digest::Digest;
pub use name::Name;
pub use section::{DESCRIPTOR_SECTION, with_descriptor};

/// The version of `runbook:plugin` that this engine speaks.
pub const WIT: Version = Version::new(0, 1, 0);

/// What this engine offers of `runbook:plugin`, interface by interface.
const OFFERED: [(&str, &[&str]); 9] = [
    ("types", &[]),
    (
        "context",
        &[
            "run-id",
            "step-id",
            "attempt",
            "idempotency-key",
            "environment",
            "dry-run",
            "config",
            "resume-state",
            "remaining-ms",
            "cancelled",
        ],
    ),
    ("log", &["write"]),
    ("progress", &["report", "heartbeat"]),
    ("checkpoint", &["save"]),
    ("secrets", &["get"]),
    ("state", &["get", "put", "replace", "delete"]),
    ("http", &["send"]),
    ("aws", &["call"]),
];

/// What is known of a component without running it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// What it imports.
    pub imports: Vec<Name>,
    /// What it exports.
    pub exports: Vec<Name>,
    /// The descriptor that was built in, as it stands there.
    pub descriptor: Option<Vec<u8>>,
    /// Its bytes, counted.
    pub size: u64,
    /// Their digest: the same on every platform.
    pub digest: Digest,
    /// Functions that it imports, by interface of ours, as far as its types say.
    functions: BTreeMap<String, Vec<String>>,
}

/// Why bytes are no component.
#[derive(Debug, Error)]
pub enum ComponentError {
    /// A core module, as `wasm32-wasip1` gives it.
    #[error("this is a core module and no component; build it for wasm32-wasip2")]
    Module,
    /// No WebAssembly, or cut short.
    #[error("this is no WebAssembly component")]
    Broken(#[source] wasmparser::BinaryReaderError),
}

/// Why a component cannot be linked to this engine.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum WitError {
    /// It exports no steps.
    #[error("this component is no plugin: it does not export runbook:plugin/steps")]
    NoPlugin,
    /// It was built for another line.
    #[error(
        "plugin speaks runbook:plugin {plugin}, this engine speaks {WIT}; rebuild the plugin or \
         upgrade runbook"
    )]
    OtherLine {
        /// The version that it speaks.
        plugin: Version,
    },
    /// It was built for a later version, and uses what is new there.
    #[error(
        "plugin speaks runbook:plugin {plugin} and uses {}, which this engine ({WIT}) does not offer; \
         upgrade runbook",
        missing.join(", ")
    )]
    Newer {
        /// The version that it speaks.
        plugin: Version,
        /// Interfaces and functions that are missing here.
        missing: Vec<String>,
    },
    /// It imports something that no engine offers.
    #[error(
        "plugin imports {}, which no engine offers: only runbook:plugin and WASI 0.2 are",
        .0.join(", ")
    )]
    Unknown(Vec<String>),
}

impl Component {
    /// Reads a component.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(bytes: &[u8]) -> Result<Self, ComponentError> {
        let mut reading = Reading::default();
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(ComponentError::Broken)?;
            match &payload {
                Payload::Version {
                    encoding: Encoding::Module,
                    ..
                } if depth == 0 => {
                    return Err(ComponentError::Module);
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                other if depth == 0 => reading.take(other).map_err(ComponentError::Broken)?,
                _ => {}
            }
        }
        let Reading {
            imports,
            exports,
            descriptor,
            functions,
            ..
        } = reading;
        Ok(Self {
            imports,
            exports,
            descriptor,
            size: bytes.len() as u64,
            digest: Digest::of(bytes),
            functions,
        })
    }

    /// The descriptor that was built in, if there is one.
    ///
    /// # Errors
    /// Why it is none that this engine reads.
    pub fn descriptor(&self) -> Result<Option<Descriptor>, DescriptorError> {
        self.descriptor.as_ref().map(Descriptor::parse).transpose()
    }

    /// The version of `runbook:plugin` that it speaks: the latest that any of its names has.
    #[must_use]
    pub fn wit_version(&self) -> Option<Version> {
        let names = self.imports.iter().chain(&self.exports);
        names
            .filter(|name| name.is_ours())
            .filter_map(|name| name.version.clone())
            .max()
    }

    /// Whether it can be linked, as far as names say. Within a line any older plugin can, and a newer
    /// one that uses nothing new.
    ///
    /// # Errors
    /// Why not, before the linker says so in other words.
    pub fn check_wit(&self) -> Result<(), WitError> {
        if !self.exports_ours("steps") {
            return Err(WitError::NoPlugin);
        }
        let plugin = self.wit_version().ok_or(WitError::NoPlugin)?;
        let names = self
            .imports
            .iter()
            .chain(&self.exports)
            .filter(|name| name.is_ours());
        for version in names.filter_map(|name| name.version.as_ref()) {
            if !same_line(version, &WIT) {
                let plugin = version.clone();
                return Err(WitError::OtherLine { plugin });
            }
        }
        let missing = self.missing();
        if !missing.is_empty() {
            return Err(WitError::Newer { plugin, missing });
        }
        let unknown: Vec<String> = self
            .imports
            .iter()
            .filter(|name| !name.is_ours() && !name.is_offered())
            .map(ToString::to_string)
            .collect();
        if !unknown.is_empty() {
            return Err(WitError::Unknown(unknown));
        }
        Ok(())
    }

    /// Interfaces and functions of ours that it imports and that are not offered.
    fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for name in self.imports.iter().filter(|name| name.is_ours()) {
            let offered = OFFERED.iter().find(|(known, _)| *known == name.interface);
            let Some((interface, functions)) = offered else {
                missing.push(name.interface.clone());
                continue;
            };
            let used = self.functions.get(&name.interface).into_iter().flatten();
            let absent = used.filter(|one| !functions.contains(&one.as_str()));
            missing.extend(absent.map(|one| format!("{interface}.{one}")));
        }
        missing
    }

    /// Whether it exports `recovery`.
    #[must_use]
    pub fn has_recovery(&self) -> bool {
        self.exports_ours("recovery")
    }

    /// Whether it exports `compensation`.
    #[must_use]
    pub fn has_compensation(&self) -> bool {
        self.exports_ours("compensation")
    }

    /// Whether it exports `preview`.
    #[must_use]
    pub fn has_preview(&self) -> bool {
        self.exports_ours("preview")
    }

    /// Whether it imports an interface of ours; `http` means the client of WASI too.
    #[must_use]
    pub fn imports_ours(&self, interface: &str) -> bool {
        self.imports.iter().any(|name| {
            (name.is_ours() && name.interface == interface)
                || (interface == "http" && name.package == "wasi:http")
        })
    }

    fn exports_ours(&self, interface: &str) -> bool {
        self.exports
            .iter()
            .any(|name| name.is_ours() && name.interface == interface)
    }
}

/// Whether two versions promise to work together: before 1.0 within a minor version, later within a
/// major one.
fn same_line(one: &Version, two: &Version) -> bool {
    one.major == two.major && (one.major > 0 || one.minor == two.minor) && one.pre == two.pre
}

#[derive(Default)]
struct Reading {
    imports: Vec<Name>,
    exports: Vec<Name>,
    descriptor: Option<Vec<u8>>,
    functions: BTreeMap<String, Vec<String>>,
    /// The component's own types, in the order of their indices: the functions of each that is an
    /// instance.
    types: Vec<Vec<String>>,
}

impl Reading {
    fn take(&mut self, payload: &Payload<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        match payload {
            Payload::ComponentTypeSection(section) => {
                for one in section.clone() {
                    self.types.push(functions_of(&one?));
                }
            }
            Payload::ComponentAliasSection(section) => {
                for one in section.clone() {
                    if is_type(&one?) {
                        self.types.push(Vec::new());
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for one in section.clone() {
                    let one = one?;
                    let name = Name::parse(one.name.name);
                    match one.ty {
                        ComponentTypeRef::Instance(index) if name.is_ours() => {
                            let found = self.types.get(index as usize).cloned().unwrap_or_default();
                            self.functions.insert(name.interface.clone(), found);
                        }
                        ComponentTypeRef::Type(_) => self.types.push(Vec::new()),
                        _ => {}
                    }
                    self.imports.push(name);
                }
            }
            Payload::ComponentExportSection(section) => {
                for one in section.clone() {
                    let one = one?;
                    if one.kind == ComponentExternalKind::Type {
                        self.types.push(Vec::new());
                    }
                    self.exports.push(Name::parse(one.name.name));
                }
            }
            Payload::CustomSection(section) if section.name() == DESCRIPTOR_SECTION => {
                self.descriptor = Some(section.data().to_vec());
            }
            _ => {}
        }
        Ok(())
    }
}

fn is_type(alias: &wasmparser::ComponentAlias<'_>) -> bool {
    use wasmparser::{ComponentAlias, ComponentOuterAliasKind};
    match alias {
        ComponentAlias::InstanceExport { kind, .. } => *kind == ComponentExternalKind::Type,
        ComponentAlias::Outer { kind, .. } => *kind == ComponentOuterAliasKind::Type,
        ComponentAlias::CoreInstanceExport { .. } => false,
    }
}

/// The functions that an instance of this type has.
fn functions_of(one: &ComponentType<'_>) -> Vec<String> {
    let ComponentType::Instance(declarations) = one else {
        return Vec::new();
    };
    let functions = declarations
        .iter()
        .filter_map(|declaration| match declaration {
            InstanceTypeDeclaration::Export {
                name,
                ty: ComponentTypeRef::Func(_),
            } => Some(name.name.to_owned()),
            _ => None,
        });
    functions.collect()
}

#[cfg(test)]
pub(crate) mod tests;
