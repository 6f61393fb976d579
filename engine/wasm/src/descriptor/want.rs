//! What a plugin wants to be allowed.

use std::fmt;

use serde_json::Value;

use super::{DescriptorError, Reader};
use crate::grant::{AwsPattern, HttpPattern, PatternError, Use};

/// One thing that a plugin wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// What.
    pub kind: WantKind,
    /// What for, in its author's words.
    pub why: String,
    /// Whether it does its work without this too: one of several places, or a stand-in. Whatever is
    /// not optional has to be granted before a run starts.
    pub optional: bool,
}

/// What a plugin can want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantKind {
    /// Requests.
    Http(HttpPattern),
    /// A secret.
    Secret {
        /// Its name.
        name: String,
        /// Whether it has to see it.
        usage: Use,
    },
    /// Calls of AWS, in whatever region it is asked to work.
    Aws(AwsPattern),
    /// To keep state.
    State,
}

impl fmt::Display for WantKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(pattern) => write!(f, "http {pattern}"),
            Self::Secret { name, usage } => write!(f, "secret {name} ({usage})"),
            Self::Aws(pattern) => write!(f, "aws {pattern}"),
            Self::State => f.write_str("state"),
        }
    }
}

impl WantKind {
    /// The want as a sentence, for somebody who has to decide.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Http(pattern) => match pattern.to_string().split_once(' ') {
                Some((method, url)) => format!("send {method} requests to {url}"),
                None => format!("read {pattern}"),
            },
            Self::Secret {
                name,
                usage: Use::Attach,
            } => {
                format!("have the secret {name} attached to its requests, without seeing it")
            }
            Self::Secret {
                name,
                usage: Use::Read,
            } => format!("see the secret {name}"),
            Self::Aws(pattern) => {
                let text = pattern.to_string();
                format!("call {} in AWS", text.trim_end_matches("@*"))
            }
            Self::State => "keep state between runs".to_owned(),
        }
    }
}

/// The keys that may stand beside the kind of a want.
const BESIDE: [&str; 3] = ["why", "use", "optional"];

pub(super) fn read(reader: &Reader<'_>) -> Result<Want, DescriptorError> {
    let mut kinds = reader
        .map
        .keys()
        .filter(|key| !BESIDE.contains(&key.as_str()));
    let (kind, more) = (kinds.next().map(String::as_str), kinds.next());
    if more.is_some() {
        let path = reader.path.clone();
        let why = "wants more than one thing; write one entry for each".to_owned();
        return Err(DescriptorError::Field { path, why });
    }
    let pattern = |key: &str, wrong: PatternError| reader.wrong(key, wrong.why);
    let kind = match kind {
        Some("http") => {
            let parsed = reader.text("http")?.parse();
            WantKind::Http(parsed.map_err(|wrong| pattern("http", wrong))?)
        }
        Some("aws") => {
            let parsed = reader.text("aws")?.parse::<AwsPattern>();
            WantKind::Aws(parsed.map_err(|wrong| pattern("aws", wrong))?.anywhere())
        }
        Some("secret") => WantKind::Secret {
            name: reader.text("secret")?.to_owned(),
            usage: match reader.maybe_text("use")? {
                None | Some("attach") => Use::Attach,
                Some("read") => Use::Read,
                Some(other) => {
                    let why = format!("is `{other}`; it has to be `attach` or `read`");
                    return Err(reader.wrong("use", why));
                }
            },
        },
        Some("state") => match reader.map.get("state") {
            Some(Value::Bool(true)) => WantKind::State,
            _ => return Err(reader.wrong("state", "has to be true, or be left out")),
        },
        other => {
            return Err(DescriptorError::UnknownWant {
                path: reader.path.clone(),
                kind: other.unwrap_or("nothing").to_owned(),
            });
        }
    };
    let why = reader.maybe_text("why")?.unwrap_or_default().to_owned();
    let optional = reader.truth("optional")?;
    Ok(Want {
        kind,
        why,
        optional,
    })
}
