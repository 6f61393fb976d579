//! Signatures over components, by minisign keys that stand in the project.
//!
//! Signing itself is done by the `minisign` tool (`minisign -S -m NAME.wasm`): no secret key ever passes
//! through this program.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use minisign_verify::{Error, PublicKey, Signature};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::grant::Ceiling;

/// Somebody who signs plugins.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// The public key, as minisign prints it: `RW…`.
    #[serde(deserialize_with = "key")]
    pub minisign: PublicKey,
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
    let text = String::deserialize(deserializer)?;
    PublicKey::from_base64(text.trim()).map_err(|_| {
        serde::de::Error::custom(
            "this is no public key of minisign; it begins with `RW` and is the second line of `minisign.pub`",
        )
    })
}

/// Who has to have signed a plugin.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The plugin.
    pub plugin: &'a str,
    /// The project's signers.
    pub signers: &'a BTreeMap<String, Signer>,
    /// Those whom the project names for this plugin.
    pub signed_by: &'a [String],
    /// The environment, or none where no environment is in play.
    pub environment: Option<&'a Ceiling>,
}

/// Why a plugin does not pass for signed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignError {
    /// There is no signature, and there has to be one.
    #[error(
        "plugin {plugin} is not signed, and has to be by {}; sign it with `minisign -S -m {plugin}.wasm`, \
         which writes {plugin}.wasm.minisig beside it",
        one_of(allowed)
    )]
    Missing {
        /// The plugin.
        plugin: String,
        /// Those whose signature would do.
        allowed: Vec<String>,
    },
    /// It is no signature.
    #[error("the signature of plugin {plugin} cannot be read: {why}")]
    Unreadable {
        /// The plugin.
        plugin: String,
        /// Why.
        why: String,
    },
    /// It was made over other bytes.
    #[error(
        "the signature of plugin {plugin} by {signer} is of other bytes: the component was changed after \
         it was signed; get both from where they come from, or sign it anew"
    )]
    Wrong {
        /// The plugin.
        plugin: String,
        /// Whose key it names.
        signer: String,
    },
    /// Somebody else signed it.
    #[error(
        "plugin {plugin} is signed by {signer}, and has to be by {}",
        one_of(allowed)
    )]
    OtherSigner {
        /// The plugin.
        plugin: String,
        /// Who signed it; `an unknown key` when nobody in the project has it.
        signer: String,
        /// Those whose signature would do.
        allowed: Vec<String>,
    },
}

fn one_of(names: &[String]) -> String {
    match names {
        [] => "somebody who stands under `signers` (nobody does)".to_owned(),
        [one] => one.clone(),
        some => format!("one of {}", some.join(", ")),
    }
}

/// Who signed a component; nobody, where that is allowed.
///
/// # Errors
/// Why it does not pass.
pub fn check(
    component: &[u8],
    signature: Option<&str>,
    policy: &Policy<'_>,
) -> Result<Option<String>, SignError> {
    let plugin = policy.plugin.to_owned();
    let (required, allowed) = (policy.required(), policy.allowed());
    let Some(text) = signature else {
        return match required {
            true => Err(SignError::Missing { plugin, allowed }),
            false => Ok(None),
        };
    };
    let signature = match Signature::decode(text) {
        Ok(signature) => signature,
        Err(wrong) => {
            let why = wrong.to_string();
            return Err(SignError::Unreadable { plugin, why });
        }
    };
    for (name, signer) in policy.signers {
        match signer.minisign.verify(component, &signature, false) {
            Ok(()) if allowed.contains(name) => return Ok(Some(name.clone())),
            Ok(()) if required => {
                let signer = name.clone();
                return Err(SignError::OtherSigner {
                    plugin,
                    signer,
                    allowed,
                });
            }
            // A good signature that nobody asked for.
            Ok(()) => return Ok(None),
            Err(Error::UnexpectedKeyId) => {}
            Err(Error::InvalidSignature) => {
                let signer = name.clone();
                return Err(SignError::Wrong { plugin, signer });
            }
            Err(other) => {
                let why = other.to_string();
                return Err(SignError::Unreadable { plugin, why });
            }
        }
    }
    match required {
        true => {
            let signer = "an unknown key".to_owned();
            Err(SignError::OtherSigner {
                plugin,
                signer,
                allowed,
            })
        }
        false => Ok(None),
    }
}

impl Policy<'_> {
    /// Whether it is enough that `signer` was found to have signed it before.
    ///
    /// # Errors
    /// Whose signature would do.
    pub fn trusts(&self, signer: Option<&str>) -> Result<(), SignError> {
        let (plugin, allowed) = (self.plugin.to_owned(), self.allowed());
        match signer {
            _ if !self.required() => Ok(()),
            None => Err(SignError::Missing { plugin, allowed }),
            Some(name) if allowed.iter().any(|one| one == name) => Ok(()),
            Some(name) => Err(SignError::OtherSigner {
                plugin,
                signer: name.to_owned(),
                allowed,
            }),
        }
    }

    /// Whether there has to be a signature: somebody named who has to have signed, or the environment
    /// takes nothing unsigned.
    fn required(&self) -> bool {
        !self.signed_by.is_empty() || self.environment.is_some_and(|one| !one.unsigned)
    }

    /// Those whose signature does: named for the plugin (or anyone), and by the environment (or anyone).
    fn allowed(&self) -> Vec<String> {
        let of_plugin = |name: &String| self.signed_by.is_empty() || self.signed_by.contains(name);
        let of_environment = |name: &String| {
            self.environment
                .is_none_or(|one| one.signers.is_empty() || one.signers.contains(name))
        };
        let names = self.signers.keys();
        names
            .filter(|name| of_plugin(name) && of_environment(name))
            .cloned()
            .collect()
    }
}

/// The file that holds the signature of a component: `NAME.wasm.minisig` beside `NAME.wasm`.
#[must_use]
pub fn file_of(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".minisig");
    PathBuf::from(name)
}

/// The signature that lies beside a component, if one does.
///
/// # Errors
/// When it is there and cannot be read.
pub fn beside(component: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(file_of(component)) {
        Ok(text) => Ok(Some(text)),
        Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(wrong) => Err(wrong),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::{Policy, SignError, Signer, check};
    use crate::grant::Ceiling;

    /// What the signatures below are of. Made once with minisign; the secret keys are gone.
    pub(crate) const BYTES: &[u8] = b"the bytes of a component";
    const KEY_A: &str = "RWQifYl/fpLFABsX6lxYYyp5oSSeRtrlCWNSN1pKRd51kwi9mEWJQLgX";
    const KEY_B: &str = "RWTVI67y0HyoBPEJx/6hUmiwRDMUNya736FLKOk0wcWc+SJrDNGYwJDw";
    pub(crate) const BY_A: &str = "untrusted comment: signature of a test\n\
        RUQifYl/fpLFAOFeVS+IRabgzke2+1FEswy7naXIN7Nhr1vxkAABeaOTgqvMHLEoXro1cJ5UJnixn9led8tTSM87MCe4tvb9QgM=\n\
        trusted comment: signed for tests\n\
        uQ1F3IhQ/x8wgyE4+DtRsQwIbU39gxaoFSJPArQhOjXWiwM9BEYOK2W094LXOXVPqryx4rirUZ/BIjcFWiiMBw==\n";
    const BY_B: &str = "untrusted comment: signature of a test\n\
        RUTVI67y0HyoBHHc5aYv5pSH3cvKpThfbTTEugv9LATtLy7mVI4s1X59qsgBtdF4ECuofa9+PTXhd4YdWwA8aZhRcNPrsr63cg4=\n\
        trusted comment: signed for tests\n\
        nILXBtwp9c09F2TdaJ2r1TEvX/LqPjxGovQmBrnvJOCYCElda8V6Bk0FCO2UOLgCINXGc0lCZ3Q8v0XBOiOHBg==\n";

    fn signers(keys: &[(&str, &str)]) -> BTreeMap<String, Signer> {
        let signer = |key: &str| serde_json::from_value(serde_json::json!({ "minisign": key }));
        let named = keys
            .iter()
            .map(|(name, key)| ((*name).to_owned(), signer(key).unwrap()));
        named.collect()
    }

    fn both() -> BTreeMap<String, Signer> {
        signers(&[("ann", KEY_A), ("bob", KEY_B)])
    }

    /// Who passes for a signature, with these named by the plugin and by the environment.
    fn who(
        signature: Option<&str>,
        signed_by: &[&str],
        environment: Option<&Ceiling>,
    ) -> Result<Option<String>, SignError> {
        let signed_by: Vec<String> = signed_by.iter().map(|one| (*one).to_owned()).collect();
        let policy = Policy {
            plugin: "chat",
            signers: &both(),
            signed_by: &signed_by,
            environment,
        };
        check(BYTES, signature, &policy)
    }

    fn environment(unsigned: bool, signers: &[&str]) -> Ceiling {
        Ceiling {
            unsigned,
            signers: signers.iter().map(|one| (*one).to_owned()).collect(),
            ..Ceiling::default()
        }
    }

    #[test]
    fn who_signed_is_told_by_the_key() {
        assert_eq!(who(Some(BY_A), &["ann"], None), Ok(Some("ann".to_owned())));
        assert_eq!(who(Some(BY_B), &[], None), Ok(Some("bob".to_owned())));
        assert_eq!(who(None, &[], None), Ok(None));
    }

    #[test]
    fn a_missing_or_foreign_signature_is_refused_where_one_is_asked_for() {
        let missing = who(None, &["ann"], None).unwrap_err();
        assert!(
            missing
                .to_string()
                .contains("has to be by ann; sign it with `minisign -S -m chat.wasm`")
        );
        let other = who(Some(BY_B), &["ann"], None).unwrap_err();
        assert_eq!(
            other.to_string(),
            "plugin chat is signed by bob, and has to be by ann"
        );
        let strict = environment(false, &[]);
        assert!(matches!(
            who(None, &[], Some(&strict)),
            Err(SignError::Missing { .. })
        ));
        assert_eq!(
            who(Some(BY_A), &[], Some(&strict)),
            Ok(Some("ann".to_owned()))
        );
        let stranger = Policy {
            plugin: "chat",
            signers: &signers(&[("bob", KEY_B)]),
            signed_by: &[],
            environment: Some(&strict),
        };
        let said = check(BYTES, Some(BY_A), &stranger).unwrap_err().to_string();
        assert_eq!(
            said,
            "plugin chat is signed by an unknown key, and has to be by bob"
        );
    }

    #[test]
    fn an_environment_can_ask_for_its_own_signers() {
        let by_bob = environment(false, &["bob"]);
        assert!(who(Some(BY_A), &[], Some(&by_bob)).is_err());
        assert_eq!(
            who(Some(BY_B), &["ann", "bob"], Some(&by_bob)),
            Ok(Some("bob".to_owned()))
        );
        // The plugin's signers and the environment's have nobody in common.
        assert!(who(Some(BY_B), &["ann"], Some(&by_bob)).is_err());
        assert!(who(Some(BY_A), &["ann"], Some(&by_bob)).is_err());
    }

    #[test]
    fn changed_bytes_are_refused_even_where_no_signature_is_asked_for() {
        let policy = Policy {
            plugin: "chat",
            signers: &both(),
            signed_by: &[],
            environment: None,
        };
        let wrong = check(b"other bytes", Some(BY_A), &policy).unwrap_err();
        assert!(
            matches!(&wrong, SignError::Wrong { signer, .. } if signer == "ann"),
            "{wrong}"
        );
        let comment = BY_A.replace("signed for tests", "signed for prod");
        assert!(matches!(
            check(BYTES, Some(&comment), &policy),
            Err(SignError::Wrong { .. })
        ));
        assert!(matches!(
            check(BYTES, Some("rubbish"), &policy),
            Err(SignError::Unreadable { .. })
        ));
    }
}
