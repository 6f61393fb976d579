//! Who asks a registry: variables, or what `docker login` wrote, or nobody.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci_client::secrets::RegistryAuth;
use serde_json::Value;
use thiserror::Error;

/// Where credentials for registries are found.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// User and password for any registry.
    pub given: Option<(String, String)>,
    /// The file that `docker login` writes.
    pub docker: Option<PathBuf>,
}

/// Why credentials cannot be used.
#[derive(Debug, Error)]
#[error("{} cannot be read: {why}; log in again with `docker login`", path.display())]
pub struct CredentialsError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

impl Credentials {
    /// `RUNBOOK_REGISTRY_USER` and `RUNBOOK_REGISTRY_PASSWORD`, and the file of `docker login`.
    #[must_use]
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|one| !one.is_empty());
        let user = variable("RUNBOOK_REGISTRY_USER");
        let folder = variable("DOCKER_CONFIG")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".docker")));
        Self {
            given: user.zip(variable("RUNBOOK_REGISTRY_PASSWORD")),
            docker: folder.map(|folder| folder.join("config.json")),
        }
    }

    /// Who asks a registry.
    pub(super) fn of(&self, registry: &str) -> Result<RegistryAuth, CredentialsError> {
        if let Some((user, password)) = &self.given {
            return Ok(RegistryAuth::Basic(user.clone(), password.clone()));
        }
        let Some(path) = &self.docker else {
            return Ok(RegistryAuth::Anonymous);
        };
        let wrong = |why: String| CredentialsError {
            path: path.clone(),
            why,
        };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                return Ok(RegistryAuth::Anonymous);
            }
            Err(other) => return Err(wrong(other.to_string())),
        };
        let config: Value =
            serde_json::from_slice(&text).map_err(|other| wrong(other.to_string()))?;
        let all = config.get("auths");
        let entry = [registry.to_owned(), format!("https://{registry}")]
            .iter()
            .find_map(|name| all?.get(name));
        // Without `auth` the password is kept by another program, which is not asked.
        let Some(encoded) = entry.and_then(|entry| entry.get("auth")?.as_str()) else {
            return Ok(RegistryAuth::Anonymous);
        };
        let decoded = STANDARD
            .decode(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = decoded.as_deref().and_then(|pair| pair.split_once(':'));
        let (user, password) =
            pair.ok_or_else(|| wrong(format!("`auth` of {registry} is no user and password")))?;
        Ok(RegistryAuth::Basic(user.to_owned(), password.to_owned()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.given.as_ref().map(|(user, _)| user);
        f.debug_struct("Credentials")
            .field("user", &user)
            .field("docker", &self.docker)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;
    use oci_client::secrets::RegistryAuth;

    #[test]
    fn what_docker_login_wrote_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let docker = folder.path().join("config.json");
        let mut all = Credentials {
            given: None,
            docker: Some(docker.clone()),
        };
        assert_eq!(all.of("r.example.com").unwrap(), RegistryAuth::Anonymous);
        let text = r#"{ "auths": { "r.example.com": { "auth": "YW5uOmh1bnRlcjI=" }, "s.example.com": {}, "t.example.com": { "auth": "?" } } }"#;
        std::fs::write(docker, text).unwrap();
        let ann = RegistryAuth::Basic("ann".to_owned(), "hunter2".to_owned());
        assert_eq!(all.of("r.example.com").unwrap(), ann);
        assert_eq!(all.of("s.example.com").unwrap(), RegistryAuth::Anonymous);
        assert!(
            all.of("t.example.com")
                .unwrap_err()
                .to_string()
                .contains("`docker login`")
        );
        all.given = Some(("bob".to_owned(), "hunter3".to_owned()));
        assert!(
            matches!(all.of("r.example.com").unwrap(), RegistryAuth::Basic(user, _) if user == "bob")
        );
        assert!(!format!("{all:?}").contains("hunter"));
    }
}
