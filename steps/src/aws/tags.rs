//! Tags on what the steps create, and the tags by which they find it again.

use std::collections::BTreeMap;

use runbook_step::Context;

/// The tag that holds the token of the step that created a resource.
pub(crate) const TOKEN: &str = "runbook:token";

/// Tags that tell one environment's resources from another's of the same name.
const SCOPE: [&str; 2] = ["Environment", "Project"];

/// Everything that a new resource is tagged with; `name` becomes its `Name` tag.
pub(crate) fn creation(context: &Context, name: Option<&str>) -> BTreeMap<String, String> {
    let mut tags = context.creation_tags();
    for value in tags.values_mut() {
        *value = allowed(value);
    }
    if let Some(name) = name {
        tags.insert("Name".to_owned(), name.to_owned());
    }
    tags
}

/// The environment's own tags that a resource must carry to be taken for one of this environment.
pub(crate) fn scope(context: &Context) -> impl Iterator<Item = (&str, &str)> {
    SCOPE
        .into_iter()
        .filter_map(|key| context.tags.get_key_value(key))
        .map(|(key, value)| (key.as_str(), value.as_str()))
}

// The load balancer and Route 53 services refuse brackets, which the id of an item has.
fn allowed(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    let mapped: String = value
        .chars()
        .map(|c| if plain(c) { c } else { '.' })
        .collect();
    mapped.trim_end_matches('.').chars().take(256).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_id_becomes_a_tag_that_every_service_takes() {
        let context = Context {
            run: "7f3k".to_owned(),
            step: "smoke[2]".to_owned(),
            token: "t0k".to_owned(),
            ..Context::default()
        };
        let tags = creation(&context, Some("web"));
        assert_eq!(tags["runbook:step"], "smoke.2");
        assert_eq!(tags["runbook:token"], "t0k");
        assert_eq!(tags["Name"], "web");
    }

    #[test]
    fn only_project_and_environment_tell_environments_apart() {
        let tags = [("Owner", "sre"), ("Project", "shop")];
        let context = Context {
            tags: tags.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..Context::default()
        };
        assert_eq!(scope(&context).collect::<Vec<_>>(), [("Project", "shop")]);
    }
}
