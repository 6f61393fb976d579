//! Limits of a plugin's calls: what the host keeps to, and what a project or a plugin says of them.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// What a call may use. The default is what a plugin gets for which nobody says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the instance, in bytes.
    pub memory: u64,
    /// Time that it may compute.
    pub cpu: Duration,
    /// Time for the whole call.
    pub call: Duration,
    /// Time without a sign of life: a call of the host, or a heartbeat.
    pub silence: Duration,
    /// Bytes of what a step returns.
    pub output: u64,
    /// Lines of log.
    pub log_lines: u64,
    /// Bytes of log.
    pub log_bytes: u64,
    /// Bytes that are kept of what it writes to standard error.
    pub stderr: u64,
    /// Bytes of the body of a request or an answer.
    pub http_body: u64,
    /// Requests, AWS and HTTP together.
    pub requests: u64,
    /// Bytes of one value of its state.
    pub state_value: u64,
    /// Bytes that a pause or a checkpoint may keep.
    pub pause_state: u64,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 * MIB,
            cpu: Duration::from_secs(5),
            call: Duration::from_secs(60),
            silence: Duration::from_secs(30),
            output: MIB,
            log_lines: 1000,
            log_bytes: 256 * KIB,
            stderr: 64 * KIB,
            http_body: 4 * MIB,
            requests: 100,
            state_value: 64 * KIB,
            pause_state: 64 * KIB,
        }
    }
}

/// Limits as somebody gives them; what is absent is left as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsGiven {
    /// Memory of the instance.
    pub memory: Option<Size>,
    /// Time that it may compute.
    pub cpu: Option<Span>,
    /// Time for the whole call.
    pub call: Option<Span>,
    /// Time without a sign of life.
    pub silence: Option<Span>,
    /// What a step returns.
    pub output: Option<Size>,
    /// Lines of log.
    pub log_lines: Option<u64>,
    /// Bytes of log.
    pub log_bytes: Option<Size>,
    /// What is kept of standard error.
    pub stderr: Option<Size>,
    /// The body of a request or an answer.
    pub http_body: Option<Size>,
    /// Requests.
    pub requests: Option<u64>,
    /// One value of its state.
    pub state_value: Option<Size>,
    /// What a pause may keep.
    pub pause_state: Option<Size>,
}

impl Limits {
    /// The limits of a call: what the project says; else the default, or less when the plugin asks for
    /// less. A plugin that needs more has to be granted more.
    #[must_use]
    pub fn effective(project: &LimitsGiven, asked: &LimitsGiven) -> Self {
        let base = Self::default();
        let count = |project: Option<u64>, asked: Option<u64>, base: u64| {
            project.unwrap_or_else(|| asked.map_or(base, |asked| asked.min(base)))
        };
        let size = |project: Option<Size>, asked: Option<Size>, base: u64| {
            count(project.map(|one| one.0), asked.map(|one| one.0), base)
        };
        let span = |project: Option<Span>, asked: Option<Span>, base: Duration| {
            let own = || asked.map_or(base, |asked| asked.0.min(base));
            project.map_or_else(own, |project| project.0)
        };
        Self {
            memory: size(project.memory, asked.memory, base.memory),
            cpu: span(project.cpu, asked.cpu, base.cpu),
            call: span(project.call, asked.call, base.call),
            silence: span(project.silence, asked.silence, base.silence),
            output: size(project.output, asked.output, base.output),
            log_lines: count(project.log_lines, asked.log_lines, base.log_lines),
            log_bytes: size(project.log_bytes, asked.log_bytes, base.log_bytes),
            stderr: size(project.stderr, asked.stderr, base.stderr),
            http_body: size(project.http_body, asked.http_body, base.http_body),
            requests: count(project.requests, asked.requests, base.requests),
            state_value: size(project.state_value, asked.state_value, base.state_value),
            pause_state: size(project.pause_state, asked.pause_state, base.pause_state),
        }
    }
}

/// A number of bytes: `64MiB`, `256KiB`, `1GiB`, or the plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Bytes(u64),
            Text(String),
        }
        let how = || serde::de::Error::custom("a size is written as `64MiB`, `256KiB` or `1GiB`");
        match Given::deserialize(deserializer).map_err(|_| how())? {
            Given::Bytes(bytes) => Ok(Self(bytes)),
            Given::Text(text) => size(&text).map(Self).ok_or_else(how),
        }
    }
}

fn size(text: &str) -> Option<u64> {
    let digits = text
        .find(|one: char| !one.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "B" => 1,
        "KiB" => KIB,
        "MiB" => MIB,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A span of time: `5s`, `250ms`, `1m30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let how = || serde::de::Error::custom("a time is written as `250ms`, `5s` or `1m30s`");
        let text = String::deserialize(deserializer).map_err(|_| how())?;
        let millis = runbook_step::duration::parse(&text).map_err(|_| how())?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, LimitsGiven, MIB};
    use serde_json::json;
    use std::time::Duration;

    fn given(value: serde_json::Value) -> LimitsGiven {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_project_decides_and_a_plugin_may_only_ask_for_less() {
        let project = given(json!({ "memory": "128MiB", "cpu": "10s" }));
        let asked =
            given(json!({ "memory": "256MiB", "call": "5s", "silence": "10m", "requests": 3 }));
        let limits = Limits::effective(&project, &asked);
        assert_eq!(limits.memory, 128 * MIB);
        assert_eq!(limits.cpu, Duration::from_secs(10));
        assert_eq!(limits.call, Duration::from_secs(5));
        assert_eq!(limits.silence, Duration::from_secs(30));
        assert_eq!(limits.requests, 3);
        let nobody = Limits::effective(&LimitsGiven::default(), &LimitsGiven::default());
        assert_eq!(nobody, Limits::default());
    }

    #[test]
    fn sizes_and_times_say_how_they_are_written() {
        let wrong = |value| {
            serde_json::from_value::<LimitsGiven>(value)
                .unwrap_err()
                .to_string()
        };
        assert!(wrong(json!({ "memory": "64 MB" })).contains("64MiB"));
        assert!(wrong(json!({ "memory": "99999999999GiB" })).contains("64MiB"));
        assert!(wrong(json!({ "cpu": 5 })).contains("1m30s"));
        assert_eq!(given(json!({ "output": 12 })).output.unwrap().0, 12);
    }
}
