//! `plugins/plugins.lock`: the bytes that were looked at. Written by the program, committed with the code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;
use thiserror::Error;

use crate::digest::Digest;
use crate::files;
use crate::unique;

/// Where the file stands in a project.
pub const LOCK_FILE: &str = "plugins/plugins.lock";

const HEAD: &str =
    "# Written by `runbook plugin add` and `runbook plugin update`; commit it, do not edit it.\n";

/// The version of the file's form.
const FORM: u32 = 1;

/// What was locked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// The plugins, by name.
    pub plugins: BTreeMap<String, Locked>,
}

/// One plugin, as somebody looked at it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its version.
    pub version: Version,
    /// Where it came from.
    pub source: String,
    /// The manifest that a tag led to, when it came from a registry.
    #[serde(default)]
    pub manifest: Option<Digest>,
    /// The component's bytes: the same on every platform.
    pub component: Digest,
    /// The descriptor.
    pub descriptor: Digest,
    /// The version of `runbook:plugin` that it speaks.
    pub wit: Version,
    /// What it wants: another digest has to be looked at by somebody.
    pub wants: Digest,
    /// Who had signed it.
    #[serde(default)]
    pub signer: Option<String>,
}

/// Why a plugin does not pass the lock.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LockError {
    /// Nobody has looked at it yet.
    #[error(
        "plugin {name} is not in {LOCK_FILE}; look at it and lock it with `runbook plugin add {name}`"
    )]
    Missing {
        /// The plugin.
        name: String,
    },
    /// It is not what somebody looked at.
    #[error(
        "plugin {name} is not the one that was locked: {LOCK_FILE} says {locked}, this one is {found}; \
         if the change is meant, look at it with `runbook plugin update {name}`"
    )]
    Changed {
        /// The plugin.
        name: String,
        /// The digest in the file.
        locked: Digest,
        /// The digest of what is there.
        found: Digest,
    },
}

/// Why the lock cannot be read.
#[derive(Debug, Error)]
pub enum ReadLockError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its content is not what was written.
    #[error("{LOCK_FILE} is damaged; take it back from version control, or lock the plugins anew")]
    Damaged(#[source] serde_yaml::Error),
    /// A later version wrote it.
    #[error(
        "{LOCK_FILE} was written by a later runbook (form {0}, this one reads {FORM}); upgrade runbook"
    )]
    Form(u32),
}

/// Why the lock cannot be written.
#[derive(Debug, Error)]
#[error("cannot write {}", path.display())]
pub struct WriteLockError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

#[derive(Deserialize)]
struct Form {
    lock: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "lock")]
    _form: u32,
    #[serde(default, deserialize_with = "unique::map")]
    plugins: BTreeMap<String, Locked>,
}

impl Lock {
    /// Reads the lock of the project in a folder. A project without one has nothing locked.
    ///
    /// # Errors
    /// Why it cannot be trusted.
    pub fn load(folder: &Path) -> Result<Self, ReadLockError> {
        let path = folder.join(LOCK_FILE);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text),
            Err(wrong) if wrong.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ReadLockError::File { path, source }),
        }
    }

    fn parse(text: &str) -> Result<Self, ReadLockError> {
        // The form first: a later one may have keys that this one does not know.
        let Form { lock } = serde_yaml::from_str(text).map_err(ReadLockError::Damaged)?;
        if lock != FORM {
            return Err(ReadLockError::Form(lock));
        }
        let raw: Raw = serde_yaml::from_str(text).map_err(ReadLockError::Damaged)?;
        Ok(Self {
            plugins: raw.plugins,
        })
    }

    /// Writes the lock of the project in a folder: all of it, or nothing.
    ///
    /// # Errors
    /// Why not; the old one is still there then.
    pub fn save(&self, folder: &Path) -> Result<(), WriteLockError> {
        let path = folder.join(LOCK_FILE);
        files::replace(&path, self.text().as_bytes())
            .map_err(|source| WriteLockError { path, source })
    }

    /// The file's text: sorted, one line for each fact, so that a change is easy to review.
    fn text(&self) -> String {
        let mut out = format!("{HEAD}lock: {FORM}\n");
        out.push_str(match self.plugins.is_empty() {
            true => "plugins: {}\n",
            false => "plugins:\n",
        });
        for (name, plugin) in &self.plugins {
            out.push_str(&format!("  {name}:\n"));
            for (key, value) in plugin.lines() {
                // A string of JSON is one of YAML.
                let value = serde_json::Value::from(value);
                out.push_str(&format!("    {key}: {value}\n"));
            }
        }
        out
    }

    /// Whether a component is the one that was locked.
    ///
    /// # Errors
    /// What to type.
    pub fn check(&self, name: &str, component: &Digest) -> Result<&Locked, LockError> {
        let Some(locked) = self.plugins.get(name) else {
            let name = name.to_owned();
            return Err(LockError::Missing { name });
        };
        if locked.component != *component {
            return Err(LockError::Changed {
                name: name.to_owned(),
                locked: locked.component,
                found: *component,
            });
        }
        Ok(locked)
    }
}

impl Locked {
    fn lines(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("version", Some(self.version.to_string())),
            ("source", Some(self.source.clone())),
            ("manifest", self.manifest.map(|one| one.to_string())),
            ("component", Some(self.component.to_string())),
            ("descriptor", Some(self.descriptor.to_string())),
            ("wit", Some(self.wit.to_string())),
            ("wants", Some(self.wants.to_string())),
            ("signer", self.signer.clone()),
        ];
        let given = all
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        given.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{LOCK_FILE, Lock, LockError, Locked, ReadLockError};
    use crate::digest::Digest;
    use semver::Version;

    fn locked(text: &str) -> Locked {
        Locked {
            version: Version::new(0, 3, 1),
            source: "oci://registry.example.com/sre/chat: \"quoted\"".to_owned(),
            manifest: None,
            component: Digest::of(text.as_bytes()),
            descriptor: Digest::of(b"d"),
            wit: Version::new(0, 1, 0),
            wants: Digest::of(b"w"),
            signer: Some("sre-2026".to_owned()),
        }
    }

    fn lock() -> Lock {
        let tagged = Locked {
            manifest: Some(Digest::of(b"m")),
            signer: None,
            ..locked("two")
        };
        let plugins = [
            ("chat".to_owned(), locked("one")),
            ("a-smoke".to_owned(), tagged),
        ];
        Lock {
            plugins: plugins.into(),
        }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written_and_is_sorted() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Lock::load(folder.path()).unwrap(), Lock::default());
        lock().save(folder.path()).unwrap();
        assert_eq!(Lock::load(folder.path()).unwrap(), lock());
        let text = std::fs::read_to_string(folder.path().join(LOCK_FILE)).unwrap();
        assert!(text.find("a-smoke:") < text.find("chat:"));
        lock().save(folder.path()).unwrap();
        assert_eq!(
            std::fs::read_to_string(folder.path().join(LOCK_FILE)).unwrap(),
            text
        );
        let left = std::fs::read_dir(folder.path().join("plugins"))
            .unwrap()
            .count();
        assert_eq!(left, 1);
        Lock::default().save(folder.path()).unwrap();
        assert_eq!(Lock::load(folder.path()).unwrap(), Lock::default());
    }

    #[test]
    fn other_bytes_than_the_locked_ones_are_refused_with_both_digests() {
        let lock = lock();
        assert_eq!(
            lock.check("chat", &Digest::of(b"one")).unwrap().version,
            Version::new(0, 3, 1)
        );
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let said = lock.check("chat", &two).unwrap_err().to_string();
        assert!(
            said.contains(&one.to_string()) && said.contains(&two.to_string()),
            "{said}"
        );
        assert!(said.contains("`runbook plugin update chat`"), "{said}");
        let missing = lock.check("dns", &one).unwrap_err();
        assert_eq!(
            missing,
            LockError::Missing {
                name: "dns".to_owned()
            }
        );
        assert!(missing.to_string().contains("`runbook plugin add dns`"));
    }

    #[test]
    fn a_lock_that_was_edited_or_is_of_a_later_form_is_refused() {
        assert!(matches!(
            Lock::parse("lock: 2\nnew: 1\n"),
            Err(ReadLockError::Form(2))
        ));
        assert!(matches!(
            Lock::parse("plugins: {}\n"),
            Err(ReadLockError::Damaged(_))
        ));
        assert!(matches!(
            Lock::parse("lock: 1\nplugin: {}\n"),
            Err(ReadLockError::Damaged(_))
        ));
        let text = lock().text();
        assert!(Lock::parse(&text.replace("sha256:", "sha1:")).is_err());
        assert!(Lock::parse(&text.replace("a-smoke", "chat")).is_err());
    }
}
