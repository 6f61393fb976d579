//! `runbook env`.

use runbook_spec::Environment;
use serde_json::json;

use crate::args::{EnvArgs, EnvCommand};
use crate::failure::Failure;
use crate::load::{self, Request};
use crate::project::Project;
use crate::ui::table::{table, text};
use crate::ui::{self, out, say, show, style};

/// Shows an environment, or what two differ in.
pub(crate) fn run(project: &Project, args: &EnvArgs) -> Result<u8, Failure> {
    match &args.command {
        EnvCommand::Show { name } => {
            let environment = named(project, name)?;
            let value = serde_json::to_value(&environment).unwrap_or_default();
            if args.json {
                ui::json(&value);
            } else {
                out(&show::yaml(&value, 0));
            }
        }
        EnvCommand::Diff { left, right } => {
            let rows = named(project, left)?.diff(&named(project, right)?);
            if args.json {
                let rows: Vec<_> = rows
                    .iter()
                    .map(|row| json!({ "name": row.path, left: row.one, right: row.two }))
                    .collect();
                ui::json(&json!(rows));
                return Ok(0);
            }
            if rows.is_empty() {
                say(&format!("{left} and {right} do not differ\n"));
                return Ok(0);
            }
            let mut lines = table(&["", left, right]);
            for row in rows {
                let side = |value: Option<&serde_json::Value>| match value {
                    Some(serde_json::Value::String(text)) => text.clone(),
                    Some(value) => value.to_string(),
                    None => style::dim("-"),
                };
                lines.add_row([
                    row.path.clone(),
                    side(row.one.as_ref()),
                    side(row.two.as_ref()),
                ]);
            }
            out(&text(&lines));
        }
    }
    Ok(0)
}

fn named(project: &Project, name: &str) -> Result<Environment, Failure> {
    let request = Request {
        env: Some(name.to_owned()),
        ..Request::default()
    };
    load::environment(project, &request)?
        .ok_or_else(|| Failure::usage(format!("no environment `{name}`")))
}
