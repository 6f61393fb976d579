//! Signatures over components, by minisign keys that stand in the project.

use minisign_verify::PublicKey;
use serde::{Deserialize, Deserializer};

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
