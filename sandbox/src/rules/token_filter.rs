//! Instances can be found by the token that launched them.
//!
//! `DescribeInstances` has the filter `client-token`; moto lacks it.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>

use std::collections::BTreeMap;

use super::{Settled, forward, remove_instance};
use crate::call::{Call, form_body};
use crate::wire::xml;
use crate::world::World;

const FILTER: &str = "client-token";

/// `DescribeInstances`, with that filter or without.
pub(super) async fn describe(world: &World, call: &Call) -> Settled {
    let Some((rest, tokens)) = split(&call.form) else {
        return forward(world, call).await;
    };
    let mut plain = call.clone();
    let version = [("Action", "DescribeInstances"), ("Version", "2016-11-15")];
    let pairs = rest
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    plain.request.body = form_body(version.into_iter().chain(pairs));
    plain.form = rest;
    let mut settled = forward(world, &plain).await;
    let edited = xml::edit(settled.reply.text(), |document, edits| {
        for state in xml::all(document, "instanceState") {
            let Some(instance) = state.parent() else {
                continue;
            };
            let token = xml::text_at(instance, &["clientToken"]);
            if !tokens.iter().any(|wanted| wanted == token) {
                remove_instance(edits, instance);
            }
        }
    });
    if let Some(body) = edited {
        settled.reply = settled.reply.with_body(body);
    }
    settled
}

/// The form without the filter, its other filters numbered anew; and the tokens.
fn split(form: &BTreeMap<String, String>) -> Option<(BTreeMap<String, String>, Vec<String>)> {
    let is_filter = |name: &str| name.starts_with("Filter.") && name.ends_with(".Name");
    let (name, _) = form
        .iter()
        .find(|(name, value)| is_filter(name) && *value == FILTER)?;
    let prefix = name.trim_end_matches("Name");
    let own: u32 = prefix
        .trim_start_matches("Filter.")
        .trim_end_matches('.')
        .parse()
        .ok()?;
    let mut rest = BTreeMap::new();
    let mut tokens = Vec::new();
    for (name, value) in form {
        if let Some(field) = name.strip_prefix(prefix) {
            if field != "Name" {
                tokens.push(value.clone());
            }
            continue;
        }
        rest.insert(renumbered(name, own), value.clone());
    }
    Some((rest, tokens))
}

fn renumbered(name: &str, gone: u32) -> String {
    let parts = name
        .strip_prefix("Filter.")
        .and_then(|rest| rest.split_once('.'));
    match parts.and_then(|(index, field)| Some((index.parse::<u32>().ok()?, field))) {
        Some((index, field)) if index > gone => format!("Filter.{}.{field}", index - 1),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_other_filters_close_the_gap() {
        let asked = form(&[
            ("Filter.1.Name", "client-token"),
            ("Filter.1.Value.1", "wish"),
            ("Filter.2.Name", "vpc-id"),
            ("Filter.2.Value.1", "vpc-1"),
            ("MaxResults", "5"),
        ]);
        let rest = form(&[
            ("Filter.1.Name", "vpc-id"),
            ("Filter.1.Value.1", "vpc-1"),
            ("MaxResults", "5"),
        ]);
        assert_eq!(split(&asked), Some((rest, vec!["wish".to_owned()])));
        assert_eq!(split(&form(&[("Filter.1.Name", "vpc-id")])), None);
    }
}
