//! `environments/NAME.yaml`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::plugins::plugins;
use super::schema::Misfit;
use super::{
    AwsSettings, CatchUp, Environment, EnvironmentSchema, Freeze, KEYS, Overlap, Schedule,
};
use crate::check::environment::{file, variable};
use crate::check::keys::{Fields, WRONG, entries, mistyped};
use crate::check::{Report, id};
use crate::nearest::hint;
use crate::tree::{Kind, Node, Span};

type Given<'a> = (&'a EnvironmentSchema, &'a [(String, Value)]);

pub(super) fn environment(
    report: &mut Report,
    root: &Node,
    name: &str,
    given: Given<'_>,
) -> Option<Environment> {
    let what = "an environment";
    let fields = Fields::open(report, root, what, &KEYS)?;
    let node = fields.need(report, what, "name");
    if let (Some(own), Some(node)) = (fields.text(report, "name"), node)
        && own != name
    {
        let message = format!("the file of environment `{name}` says that it is `{own}`");
        file(
            report,
            &node.span,
            message,
            "another name than the file's",
            None,
        );
    }
    let vars = fields.get("vars");
    let (vars, overrides) = variables(report, vars, &fields.head(), given);
    Some(Environment {
        name: name.to_owned(),
        protected: fields.boolean(report, "protected").unwrap_or_default(),
        aws: fields
            .get("aws")
            .and_then(|node| aws(report, node))
            .unwrap_or_default(),
        tags: fields
            .get("tags")
            .map_or_else(BTreeMap::new, |node| texts(report, node, "`tags`")),
        vars,
        schedules: each(report, &fields, "schedules", schedule),
        freeze: each(report, &fields, "freeze", freeze),
        plugins: fields
            .get("plugins")
            .and_then(|node| plugins(report, node))
            .unwrap_or_default(),
        secrets: fields
            .get("secrets")
            .map_or_else(BTreeMap::new, |node| secrets(report, node)),
        overrides,
    })
}

/// The values of the declared variables: from the file, from `--set`, or the defaults.
fn variables(
    report: &mut Report,
    node: Option<&Node>,
    head: &Span,
    (schema, overrides): Given<'_>,
) -> (Map<String, Value>, BTreeMap<String, Value>) {
    let given = node
        .and_then(|node| entries(report, node, "`vars`"))
        .unwrap_or_default();
    let at = node.map_or(head, |node| &node.span);
    let mut over = BTreeMap::new();
    for (name, value) in overrides {
        override_one(report, schema, at, (name, value), &mut over);
    }
    for entry in given {
        if !schema.vars.contains_key(&entry.key) {
            let message = format!("variable `{}` is not declared", entry.key);
            let help = hint(&entry.key, schema.vars.keys().map(String::as_str))
                .or_else(|| Some("declare it in `environments/schema.yaml`".to_owned()));
            variable(
                report,
                &entry.at,
                message,
                "not in `environments/schema.yaml`",
                help,
            );
        }
    }
    let mut vars = Map::new();
    for (name, declared) in &schema.vars {
        let entry = given.iter().find(|entry| entry.key == *name);
        let from_file = entry.map(|entry| entry.value.json());
        let from_default = declared.param.default.clone();
        let Some(value) = from_file.or(from_default) else {
            if !over.contains_key(name) {
                let message = format!("variable `{name}` has no value");
                let help = declared
                    .param
                    .description
                    .as_ref()
                    .map(|text| format!("`{name}`: {text}"));
                variable(
                    report,
                    at,
                    message,
                    &format!("`{name}` is missing here"),
                    help,
                );
            }
            continue;
        };
        let mut wrong = Vec::new();
        let fitted = declared.fit(&value, std::slice::from_ref(name), &mut wrong);
        for one in wrong {
            misfit(
                report,
                entry.map_or(at, |entry| &entry.value.span),
                entry.map(|entry| &entry.value),
                one,
            );
        }
        vars.insert(name.clone(), fitted);
    }
    for (name, value) in &over {
        set(&mut vars, name, value);
    }
    (vars, over)
}

fn misfit(report: &mut Report, at: &Span, node: Option<&Node>, wrong: Misfit) {
    // Walk down to the part that is wrong, as far as the file has it.
    let mut here = node;
    for name in &wrong.path[1..] {
        let next = here.and_then(|node| match &node.kind {
            Kind::Map(_) => node.get(name),
            Kind::List(list) => list.get(name.parse::<usize>().ok()?),
            Kind::Scalar(_) => None,
        });
        match next {
            Some(next) => here = Some(next),
            None => break,
        }
    }
    let at = here.map_or(at, |node| &node.span);
    let message = format!("variable `{}`: {}", wrong.path.join("."), wrong.why);
    let last = wrong.path.last().map(String::as_str).unwrap_or_default();
    let help = hint(last, wrong.known.iter().map(String::as_str));
    variable(
        report,
        at,
        message,
        "not as `environments/schema.yaml` declares it",
        help,
    );
}

/// One `--set name=value`; a dot reaches into a map.
fn override_one(
    report: &mut Report,
    schema: &EnvironmentSchema,
    at: &Span,
    (name, value): (&String, &Value),
    over: &mut BTreeMap<String, Value>,
) {
    let mut path = name.split('.');
    let mut declared = path.next().and_then(|root| schema.vars.get(root));
    for part in path {
        declared = declared.and_then(|one| one.fields.get(part));
    }
    let Some(declared) = declared else {
        let message = format!("`--set {name}`: there is no such variable");
        let help = hint(name, schema.vars.keys().map(String::as_str));
        variable(
            report,
            at,
            message,
            "the variables of this environment",
            help,
        );
        return;
    };
    let parsed = match value {
        Value::String(text) if !crate::value::is_text(declared.param.kind) => {
            serde_yaml::from_str(text).unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    };
    let mut wrong = Vec::new();
    let path: Vec<String> = name.split('.').map(str::to_owned).collect();
    let fitted = declared.fit(&parsed, &path, &mut wrong);
    for one in &wrong {
        let message = format!("`--set {}`: {}", one.path.join("."), one.why);
        variable(
            report,
            at,
            message,
            "the variables of this environment",
            None,
        );
    }
    over.insert(name.clone(), fitted);
}

fn set(vars: &mut Map<String, Value>, name: &str, value: &Value) {
    match name.split_once('.') {
        None => {
            vars.insert(name.to_owned(), value.clone());
        }
        Some((root, rest)) => {
            if let Some(Value::Object(inner)) = vars.get_mut(root) {
                set(inner, rest, value);
            }
        }
    }
}

fn aws(report: &mut Report, node: &Node) -> Option<AwsSettings> {
    let known = [
        "region",
        "standby_region",
        "profile",
        "role_arn",
        "endpoint_url",
    ];
    let fields = Fields::open(report, node, "`aws`", &known)?;
    let mut text = |key: &str| fields.text(report, key).map(str::to_owned);
    Some(AwsSettings {
        region: text("region"),
        standby_region: text("standby_region"),
        profile: text("profile"),
        role_arn: text("role_arn"),
        endpoint_url: text("endpoint_url"),
    })
}

fn texts(report: &mut Report, node: &Node, what: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in entries(report, node, what).unwrap_or_default() {
        match entry.value.text() {
            Some(text) => {
                found.insert(entry.key.clone(), text.to_owned());
            }
            None => mistyped(
                report,
                &entry.value,
                &format!("`{}` in {what}", entry.key),
                "a text",
            ),
        }
    }
    found
}

/// Names of secrets with where they come from.
pub(super) fn secrets(report: &mut Report, node: &Node) -> BTreeMap<String, String> {
    let found = texts(report, node, "`secrets`");
    for entry in node.map().unwrap_or_default() {
        id::identifier(report, "secret", &entry.key, &entry.at);
        let Some(text) = entry.value.text() else {
            continue;
        };
        if !is_reference(text) {
            let wrong = report
                .wrong(
                    &WRONG,
                    &entry.value.span,
                    format!("secret `{}` has to be a reference", entry.key),
                )
                .label("a secret does not stand in a file")
                .help("write `env:NAME` or `file:PATH`");
            report.push(wrong);
        }
    }
    found
}

/// `env:NAME` or `file:PATH`.
pub(crate) fn is_reference(text: &str) -> bool {
    ["env:", "file:"].iter().any(|prefix| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| !rest.trim().is_empty())
    })
}

fn each<T>(
    report: &mut Report,
    fields: &Fields<'_>,
    key: &str,
    read: fn(&mut Report, &Node) -> Option<T>,
) -> Vec<T> {
    let Some(node) = fields.get(key) else {
        return Vec::new();
    };
    match node.list() {
        Some(list) => list.iter().filter_map(|one| read(report, one)).collect(),
        None => {
            mistyped(report, node, &format!("`{key}`"), "a list");
            Vec::new()
        }
    }
}

fn schedule(report: &mut Report, node: &Node) -> Option<Schedule> {
    let known = [
        "name", "runbook", "cron", "timezone", "catch_up", "overlap", "params",
    ];
    let what = "a schedule";
    let fields = Fields::open(report, node, what, &known)?;
    for key in ["name", "runbook", "cron"] {
        fields.need(report, what, key);
    }
    let mut text = |key: &str| fields.text(report, key).unwrap_or_default().to_owned();
    let (name, runbook, cron) = (text("name"), text("runbook"), text("cron"));
    let timezone = fields.text(report, "timezone").unwrap_or("UTC").to_owned();
    if let (Err(_), Some(node)) = (jiff::tz::TimeZone::get(&timezone), fields.get("timezone")) {
        let message = format!("there is no time zone `{timezone}`");
        let help = Some("use a name such as `UTC` or `Europe/Berlin`".to_owned());
        file(report, &node.span, message, "not an IANA time zone", help);
    }
    if let Some(node) = fields.get("cron")
        && !cron.is_empty()
        && cron.split_whitespace().count() != 5
    {
        let help = Some("minute hour day month weekday, such as `0 * * * *`".to_owned());
        file(
            report,
            &node.span,
            "`cron` has to have five fields".to_owned(),
            "not five fields",
            help,
        );
    }
    let catch_up = [
        ("latest", CatchUp::Latest),
        ("all", CatchUp::All),
        ("none", CatchUp::None),
    ];
    let overlap = [
        ("skip", Overlap::Skip),
        ("queue", Overlap::Queue),
        ("allow", Overlap::Allow),
    ];
    Some(Schedule {
        name,
        runbook,
        cron,
        timezone,
        catch_up: fields
            .word(report, "catch_up", &catch_up)
            .unwrap_or_default(),
        overlap: fields.word(report, "overlap", &overlap).unwrap_or_default(),
        params: fields
            .get("params")
            .map_or_else(Map::new, |node| map(report, node, "`params`")),
    })
}

fn freeze(report: &mut Report, node: &Node) -> Option<Freeze> {
    let what = "a freeze";
    let fields = Fields::open(report, node, what, &["name", "from", "to", "allow"])?;
    for key in ["name", "from", "to"] {
        fields.need(report, what, key);
    }
    for key in ["from", "to"] {
        if let (Some(text), Some(node)) = (fields.text(report, key), fields.get(key))
            && text.parse::<jiff::civil::Date>().is_err()
            && text.parse::<jiff::Timestamp>().is_err()
        {
            let help = Some("write `2026-12-20` or `2026-12-20T18:00:00Z`".to_owned());
            file(
                report,
                &node.span,
                format!("`{key}` has to be a date or a time"),
                "neither",
                help,
            );
        }
    }
    let mut text = |key: &str| fields.text(report, key).unwrap_or_default().to_owned();
    let (name, from, to) = (text("name"), text("from"), text("to"));
    let allow = fields.texts(report, "allow").unwrap_or_default();
    Some(Freeze {
        name,
        from,
        to,
        allow: allow
            .iter()
            .filter_map(|one| one.text())
            .map(str::to_owned)
            .collect(),
    })
}

pub(super) fn map(report: &mut Report, node: &Node, what: &str) -> Map<String, Value> {
    entries(report, node, what)
        .unwrap_or_default()
        .iter()
        .map(|entry| (entry.key.clone(), entry.value.json()))
        .collect()
}
