//! What a plugin may not do: who said no, and what to write to allow it.

use std::fmt;
use std::ops::Deref;

use super::pattern::UrlError;
use super::secret::Use;

/// What a plugin asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To be loaded at all.
    Load,
    /// A request.
    Http {
        /// The pattern that would allow it: method, and URL without the query.
        pattern: String,
    },
    /// A request that no pattern can speak for, so that no layer was asked.
    Url(UrlError),
    /// A call of AWS.
    Aws {
        /// The pattern that would allow it: `rds:PromoteReadReplica`.
        pattern: String,
    },
    /// A secret.
    Secret {
        /// Its name.
        name: String,
        /// What for.
        usage: Use,
    },
    /// To keep state.
    State,
    /// To run a step type that cannot be repeated after a crash.
    Once {
        /// The step type.
        step: String,
    },
}

/// What one layer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It allows this.
    Yes,
    /// It does not.
    No,
    /// It is not asked about such things.
    Silent,
}

impl From<bool> for Verdict {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// A refusal: which layers said no, and the lines that would change that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Box<Details>);

/// Everything that a refusal knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The plugin.
    pub plugin: String,
    /// What it asked for.
    pub asked: Asked,
    /// Whether it declares that it wants this.
    pub wanted: Verdict,
    /// Whether the project grants it.
    pub granted: Verdict,
    /// Whether the environment's ceiling allows it.
    pub ceiling: Verdict,
    /// Whether the step's `allow` leaves it.
    pub step: Verdict,
    /// The project's file.
    pub project_file: String,
    /// Name of the environment.
    pub environment: String,
    /// The environment's file.
    pub environment_file: String,
}

/// Lines to add to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// The file.
    pub file: String,
    /// The lines, as they stand in a file that has nothing else.
    pub yaml: String,
}

impl std::error::Error for Refusal {}

impl From<Details> for Refusal {
    fn from(details: Details) -> Self {
        Self(Box::new(details))
    }
}

impl Deref for Refusal {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl Details {
    /// The refusal without the lines that would allow it.
    #[must_use]
    pub fn short(&self) -> String {
        let mut out = format!("plugin {} may not {}.", self.plugin, self.what());
        let mut say = |who: &str, verdict: Verdict| match verdict {
            Verdict::Yes => out.push_str(&format!(" {who}: yes.")),
            Verdict::No => out.push_str(&format!(" {who}: no.")),
            Verdict::Silent => {}
        };
        say("Wanted by the plugin", self.wanted);
        say(&format!("Granted in {}", self.project_file), self.granted);
        say(&format!("Ceiling of {}", self.environment), self.ceiling);
        say("`allow` of the step", self.step);
        out
    }

    fn what(&self) -> String {
        match &self.asked {
            Asked::Load => format!("be loaded in {}", self.environment),
            Asked::Http { pattern } => match pattern.split_once(' ') {
                Some((method, url)) => format!("{method} to {url}"),
                None => format!("read {pattern}"),
            },
            Asked::Url(why) => format!("send this request: {why}"),
            Asked::Aws { pattern } => format!("call {pattern}"),
            Asked::Secret { name, usage } => format!("{usage} the secret {name}"),
            Asked::State => "keep state".to_owned(),
            Asked::Once { step } => {
                format!("run {step}, which cannot be repeated after a crash")
            }
        }
    }

    /// The lines that would allow it, file by file.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        let mut found = Vec::new();
        if self.granted == Verdict::No {
            let yaml = self.grant_yaml();
            let file = self.project_file.clone();
            found.push(Remedy { file, yaml });
        }
        if self.ceiling == Verdict::No {
            let yaml = self.ceiling_yaml();
            let file = self.environment_file.clone();
            found.push(Remedy { file, yaml });
        }
        found
    }

    fn grant_yaml(&self) -> String {
        let line = match &self.asked {
            Asked::Load | Asked::Url(_) => return String::new(),
            Asked::Http { .. } | Asked::Aws { .. } => self.list_line(),
            Asked::Secret { name, usage } => format!("secrets: {{ {name}: {usage} }}"),
            Asked::State => "state: true".to_owned(),
            Asked::Once { step } => format!("once: [{step}]"),
        };
        format!("plugins:\n  {}:\n    grant:\n      {line}\n", self.plugin)
    }

    fn ceiling_yaml(&self) -> String {
        let line = match &self.asked {
            Asked::Load => format!("allow: [{}]", self.plugin),
            Asked::Http { .. } | Asked::Aws { .. } => {
                format!("ceiling:\n      {}", self.list_line())
            }
            Asked::Secret { name, .. } => {
                let variable = name.to_ascii_uppercase().replace('-', "_");
                format!("secrets: {{ {name}: \"env:{variable}\" }}")
            }
            Asked::State => "ceiling:\n      state: true".to_owned(),
            // The project alone decides this.
            Asked::Once { .. } | Asked::Url(_) => return String::new(),
        };
        format!("plugins:\n  {line}\n").replace("\n      ", "\n    ")
    }

    fn list_line(&self) -> String {
        match &self.asked {
            Asked::Http { pattern } => format!("http: [\"{pattern}\"]"),
            Asked::Aws { pattern } => format!("aws: [\"{pattern}\"]"),
            _ => String::new(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())?;
        for Remedy { file, yaml } in self.remedies() {
            write!(f, "\nTo allow it, add to {file}:")?;
            for line in yaml.lines() {
                write!(f, "\n    {line}")?;
            }
        }
        if self.step == Verdict::No {
            f.write_str("\nThe step's `allow` has to name it too, or be left out.")?;
        }
        if self.wanted == Verdict::No {
            f.write_str(
                "\nThe plugin has to declare it under `wants` of its descriptor; \
                 ask its author, or look for a newer version.",
            )?;
        }
        Ok(())
    }
}
