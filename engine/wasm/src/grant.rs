//! What a plugin may do: wanted by it, granted by the project, under the environment's ceiling, and not
//! narrowed away by the step. Nothing is allowed by default, and layers only take away.

mod address;
mod aws;
mod ceiling;
mod path;
mod pattern;
mod refusal;
mod secret;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use url::Url;

use crate::descriptor::{Want, WantKind};
pub use address::{AddressError, address_allowed};
pub use aws::{AwsCall, AwsPattern, is_changing, read_only};
pub use ceiling::{Allow, Ceiling, CeilingError, CeilingSource};
pub use pattern::{HttpPattern, PatternError, Target, UrlError};
pub use refusal::{Asked, Details, Refusal, Remedy, Verdict};
pub use secret::{Reference, Use};

/// What a project grants to a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The project's file, as messages name it.
    pub file: String,
    /// Requests.
    pub http: Vec<HttpPattern>,
    /// Secrets, by name.
    pub secrets: BTreeMap<String, Use>,
    /// Calls of AWS.
    pub aws: Vec<AwsPattern>,
    /// Whether it may keep state.
    pub state: bool,
    /// Step types that cannot be repeated after a crash, and may run all the same.
    pub once: BTreeSet<String>,
}

/// The layers that decide together.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// Name of the plugin, as the project calls it.
    pub plugin: String,
    /// What its descriptor asks for.
    pub wants: Vec<Want>,
    /// What the project grants.
    pub grant: Grant,
    /// What the environment allows at most.
    pub environment: Ceiling,
    /// `allow` of the step, if it has one.
    pub step: Option<Allow>,
}

/// What a plugin may do in an environment, in a step.
#[derive(Clone, Debug)]
pub struct Permissions {
    layers: Layers,
}

/// A request that may be sent, and where it may lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGrant {
    /// The pattern of the project that allowed it, for the audit trail.
    pub pattern: String,
    /// Whether its name may lead into a private network.
    pub private_network: bool,
    /// Whether its name may lead to this machine: the ceiling names it.
    pub loopback: bool,
}

impl HttpGrant {
    /// Whether the request may go to an address that its host was found under.
    ///
    /// # Errors
    /// Why not.
    pub fn address_allowed(&self, address: IpAddr) -> Result<(), AddressError> {
        match address_allowed(address, self.private_network) {
            Err(AddressError::Loopback(_)) if self.loopback => Ok(()),
            answer => answer,
        }
    }
}

/// Everything that all layers together leave, for people to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective {
    /// Requests.
    pub http: Vec<HttpPattern>,
    /// Calls of AWS.
    pub aws: Vec<AwsPattern>,
    /// Secrets, by name.
    pub secrets: BTreeMap<String, Use>,
    /// Whether it may keep state.
    pub state: bool,
    /// Step types that may run though they cannot be repeated.
    pub once: BTreeSet<String>,
}

/// What the layers say of one thing.
#[derive(Clone, Copy)]
struct Say {
    wanted: bool,
    granted: bool,
    ceiling: bool,
    step: Option<bool>,
}

impl Permissions {
    /// What the layers leave together.
    #[must_use]
    pub fn new(mut layers: Layers) -> Self {
        for want in &mut layers.wants {
            if let WantKind::Aws(pattern) = &mut want.kind {
                *pattern = pattern.clone().anywhere();
            }
        }
        Self { layers }
    }

    /// The same, narrowed by a step's `allow`.
    #[must_use]
    pub fn narrowed(&self, step: Allow) -> Self {
        Self::new(Layers {
            step: Some(step),
            ..self.layers.clone()
        })
    }

    /// Name of the plugin.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.layers.plugin
    }

    /// Whether the environment lets the plugin be loaded at all.
    ///
    /// # Errors
    /// The line that would allow it.
    pub fn load(&self) -> Result<(), Refusal> {
        let layers = &self.layers;
        if layers.environment.allows(&layers.plugin) {
            return Ok(());
        }
        let mut details = self.details(Asked::Load, None);
        details.ceiling = Verdict::No;
        Err(details.into())
    }

    /// Whether a request may be sent. Redirects are requests of their own.
    ///
    /// # Errors
    /// Who refuses, and what would allow it.
    pub fn http(&self, method: &str, url: &Url) -> Result<HttpGrant, Refusal> {
        self.load()?;
        let layers = &self.layers;
        let target = Target::of(method, url).map_err(|why| self.refusal(Asked::Url(why), None))?;
        let covers = |list: &[HttpPattern]| list.iter().any(|one| one.covers(&target));
        let granting = layers.grant.http.iter().find(|one| one.covers(&target));
        let step = layers.step.as_ref().and_then(|step| step.http.as_deref());
        let say = Say {
            wanted: self.wanted(|want| matches!(want, WantKind::Http(one) if one.covers(&target))),
            granted: granting.is_some(),
            ceiling: covers(&layers.environment.http),
            step: step.map(covers),
        };
        let asked = || Asked::Http {
            pattern: format!("{} {}", target.method, target.address()),
        };
        self.judge(say, asked)?;
        let named = |one: &HttpPattern| one.names_loopback() && one.covers(&target);
        Ok(HttpGrant {
            pattern: granting.map(ToString::to_string).unwrap_or_default(),
            private_network: layers.environment.private_network,
            loopback: layers.environment.http.iter().any(named),
        })
    }

    /// Whether a call of AWS may be made.
    ///
    /// # Errors
    /// Who refuses, and what would allow it.
    pub fn aws(&self, call: &AwsCall<'_>) -> Result<(), Refusal> {
        self.load()?;
        let layers = &self.layers;
        let home = &layers.environment.regions;
        let covers = |list: &[AwsPattern]| list.iter().any(|one| one.covers(call, home));
        let step = layers.step.as_ref().and_then(|step| step.aws.as_deref());
        let say = Say {
            wanted: self
                .wanted(|want| matches!(want, WantKind::Aws(one) if one.covers(call, home))),
            granted: covers(&layers.grant.aws),
            ceiling: covers(&layers.environment.aws),
            step: step.map(covers),
        };
        let asked = || {
            let what = match (call.rest, call.action) {
                (Some((method, path)), _) => {
                    // As a pattern has it; a path that no pattern can name is shown as it is.
                    let path = path::canonical(path).unwrap_or_else(|_| path.to_owned());
                    format!("{} {method} {path}", call.service)
                }
                (None, action) => format!("{}:{}", call.service, action.unwrap_or_default()),
            };
            let region = match home.iter().any(|one| one == call.region) {
                true => String::new(),
                false => format!("@{}", call.region),
            };
            let pattern = format!("{what}{region}");
            Asked::Aws { pattern }
        };
        self.judge(say, asked)
    }

    /// Whether a secret may be used, and where its value comes from.
    ///
    /// # Errors
    /// Who refuses, and what would allow it.
    pub fn secret(&self, name: &str, usage: Use) -> Result<Reference, Refusal> {
        self.load()?;
        let layers = &self.layers;
        let step = layers.step.as_ref().and_then(|step| step.secrets.as_ref());
        let reference = layers.environment.secrets.get(name);
        let say = Say {
            wanted: self.wanted(|want| {
                matches!(want, WantKind::Secret { name: one, usage: may } if one == name && *may >= usage)
            }),
            granted: layers.grant.secrets.get(name).is_some_and(|may| *may >= usage),
            ceiling: reference.is_some(),
            step: step.map(|names| names.iter().any(|one| one == name)),
        };
        let asked = || Asked::Secret {
            name: name.to_owned(),
            usage,
        };
        match (self.judge(say, asked), reference) {
            (Ok(()), Some(reference)) => Ok(reference.clone()),
            (Ok(()), None) => Err(self.refusal(asked(), Some(say))),
            (Err(refusal), _) => Err(refusal),
        }
    }

    /// Whether state may be kept.
    ///
    /// # Errors
    /// Who refuses, and what would allow it.
    pub fn state(&self) -> Result<(), Refusal> {
        self.load()?;
        let layers = &self.layers;
        let say = Say {
            wanted: self.wanted(|want| matches!(want, WantKind::State)),
            granted: layers.grant.state,
            ceiling: layers.environment.state,
            step: layers.step.as_ref().and_then(|step| step.state),
        };
        self.judge(say, || Asked::State)
    }

    /// Whether a step type may run that cannot be repeated after a crash.
    ///
    /// # Errors
    /// What would allow it.
    pub fn once(&self, step: &str) -> Result<(), Refusal> {
        self.load()?;
        if self.layers.grant.once.contains(step) {
            return Ok(());
        }
        let step = step.to_owned();
        let mut details = self.details(Asked::Once { step }, None);
        details.granted = Verdict::No;
        Err(details.into())
    }

    /// Everything that the plugin cannot do without and does not get here. A want for many hosts is met
    /// as soon as some of them are left.
    #[must_use]
    pub fn missing(&self) -> Vec<Refusal> {
        if let Err(refusal) = self.load() {
            return vec![refusal];
        }
        let wants = self.layers.wants.iter().filter(|want| !want.optional);
        wants.filter_map(|want| self.unmet(want)).collect()
    }

    fn unmet(&self, want: &Want) -> Option<Refusal> {
        let layers = &self.layers;
        let (grant, ceiling, home) = (
            &layers.grant,
            &layers.environment,
            &layers.environment.regions,
        );
        match &want.kind {
            WantKind::Http(pattern) => {
                let lists = [grant.http.as_slice(), &ceiling.http];
                let say = several(pattern, lists, HttpPattern::intersect);
                let pattern = pattern.to_string();
                self.judge(say, || Asked::Http { pattern }).err()
            }
            WantKind::Aws(pattern) => {
                let lists = [grant.aws.as_slice(), &ceiling.aws];
                let say = several(pattern, lists, |one, two| one.intersect(two, home));
                let pattern = pattern.to_string().trim_end_matches("@*").to_owned();
                self.judge(say, || Asked::Aws { pattern }).err()
            }
            WantKind::Secret { name, usage } => {
                let say = Say {
                    wanted: true,
                    granted: grant.secrets.get(name).is_some_and(|may| may >= usage),
                    ceiling: ceiling.secrets.contains_key(name),
                    step: None,
                };
                let asked = || Asked::Secret {
                    name: name.clone(),
                    usage: *usage,
                };
                self.judge(say, asked).err()
            }
            WantKind::State => {
                let say = Say {
                    wanted: true,
                    granted: grant.state,
                    ceiling: ceiling.state,
                    step: None,
                };
                self.judge(say, || Asked::State).err()
            }
        }
    }

    /// What all layers leave together.
    #[must_use]
    pub fn effective(&self) -> Effective {
        if self.load().is_err() {
            return Effective::default();
        }
        let layers = &self.layers;
        let home = &layers.environment.regions;
        let (mut http, mut aws, mut secrets) = (Vec::new(), Vec::new(), BTreeMap::new());
        for want in &layers.wants {
            match &want.kind {
                WantKind::Http(pattern) => http.push(pattern.clone()),
                WantKind::Aws(pattern) => aws.push(pattern.clone()),
                WantKind::Secret { name, usage } => {
                    for may in [Use::Read, Use::Attach]
                        .into_iter()
                        .filter(|may| may <= usage)
                    {
                        if self.secret(name, may).is_ok() {
                            secrets.entry(name.clone()).or_insert(may);
                        }
                    }
                }
                WantKind::State => {}
            }
        }
        let both = |one: &AwsPattern, two: &AwsPattern| one.intersect(two, home);
        http = share(&http, &layers.grant.http, HttpPattern::intersect);
        http = share(&http, &layers.environment.http, HttpPattern::intersect);
        aws = share(&aws, &layers.grant.aws, both);
        aws = share(&aws, &layers.environment.aws, both);
        if let Some(step) = &layers.step {
            if let Some(list) = &step.http {
                http = share(&http, list, HttpPattern::intersect);
            }
            if let Some(list) = &step.aws {
                aws = share(&aws, list, both);
            }
        }
        Effective {
            http,
            aws,
            secrets,
            state: self.state().is_ok(),
            once: layers.grant.once.clone(),
        }
    }

    fn wanted(&self, is: impl Fn(&WantKind) -> bool) -> bool {
        self.layers.wants.iter().any(|want| is(&want.kind))
    }

    fn judge(&self, say: Say, asked: impl FnOnce() -> Asked) -> Result<(), Refusal> {
        if say.wanted && say.granted && say.ceiling && say.step != Some(false) {
            return Ok(());
        }
        Err(self.refusal(asked(), Some(say)))
    }

    fn refusal(&self, asked: Asked, say: Option<Say>) -> Refusal {
        self.details(asked, say).into()
    }

    fn details(&self, asked: Asked, say: Option<Say>) -> Details {
        let layers = &self.layers;
        let verdict = |of: fn(Say) -> bool| say.map_or(Verdict::Silent, |say| of(say).into());
        Details {
            plugin: layers.plugin.clone(),
            asked,
            wanted: verdict(|say| say.wanted),
            granted: verdict(|say| say.granted),
            ceiling: verdict(|say| say.ceiling),
            step: say
                .and_then(|say| say.step)
                .map_or(Verdict::Silent, Verdict::from),
            project_file: layers.grant.file.clone(),
            environment: layers.environment.environment.clone(),
            environment_file: layers.environment.file.clone(),
        }
    }
}

/// What the layers say of a want of many things: no, where nothing of it is left.
fn several<T: Ord>(
    want: &T,
    [grant, ceiling]: [&[T]; 2],
    both: impl Fn(&T, &T) -> Option<T>,
) -> Say {
    let want = std::slice::from_ref(want);
    let granted = share(want, grant, &both);
    // Without a grant the want itself is compared with the ceiling.
    let below = if granted.is_empty() { want } else { &granted };
    Say {
        wanted: true,
        granted: !granted.is_empty(),
        ceiling: !share(below, ceiling, &both).is_empty(),
        step: None,
    }
}

/// Everything that a pattern of one list shares with one of the other, each once.
fn share<T: Ord>(one: &[T], two: &[T], both: impl Fn(&T, &T) -> Option<T>) -> Vec<T> {
    let found: BTreeSet<T> = one
        .iter()
        .flat_map(|one| {
            two.iter()
                .filter_map(|two| both(one, two))
                .collect::<Vec<_>>()
        })
        .collect();
    found.into_iter().collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
