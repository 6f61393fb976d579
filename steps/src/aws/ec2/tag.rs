//! Tags as EC2 takes them, and what the steps that create have in common: finding again.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use runbook_step::{Context, Fault, FaultKind, Observed, Progress, StepResult};

use crate::aws::tags;

/// How long to wait between two looks at a resource that is on its way.
const POLL: Duration = Duration::from_secs(2);

/// The tags of a new resource.
pub(super) fn specification(kind: ResourceType, name: &str, context: &Context) -> TagSpecification {
    with(kind, tags::creation(context, Some(name)))
}

/// A specification of exactly `tags`.
pub(super) fn with(kind: ResourceType, tags: BTreeMap<String, String>) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(list(tags)))
        .build()
}

/// `tags` as the API takes them.
pub(super) fn list(tags: BTreeMap<String, String>) -> Vec<Tag> {
    tags.into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// One filter of one value.
pub(super) fn filter(name: impl Into<String>, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// One filter of several values, any of which fits.
pub(super) fn any<V: Into<String>>(
    name: impl Into<String>,
    values: impl IntoIterator<Item = V>,
) -> Filter {
    let values = values.into_iter().map(Into::into).collect();
    Filter::builder()
        .name(name)
        .set_values(Some(values))
        .build()
}

/// Filters for what is called `name` in this environment.
pub(super) fn named(name: &str, context: &Context) -> Vec<Filter> {
    let mut filters = vec![filter("tag:Name", name)];
    filters.extend(tags::scope(context).map(|(key, value)| filter(format!("tag:{key}"), value)));
    filters
}

/// Filters for what carries `wished` tags, and `name` where given, in this environment. An
/// environment tag that `wished` names itself is not asked for a second time.
pub(super) fn matching(
    name: Option<&str>,
    wished: &BTreeMap<String, String>,
    context: &Context,
) -> Vec<Filter> {
    let name = name.map(|name| ("Name", name));
    let wished = wished
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    let mut all: BTreeMap<&str, &str> = tags::scope(context).collect();
    all.extend(wished);
    all.extend(name);
    all.into_iter()
        .map(|(key, value)| filter(format!("tag:{key}"), value))
        .collect()
}

/// The filter for what this step itself created.
pub(super) fn made(context: &Context) -> Filter {
    filter(format!("tag:{}", tags::TOKEN), &context.token)
}

/// Whether this step itself created the resource with these tags.
pub(super) fn ours(tags: &[Tag], context: &Context) -> bool {
    value(tags, tags::TOKEN) == Some(&context.token)
}

/// The value of a tag.
pub(super) fn value<'a>(tags: &'a [Tag], key: &str) -> Option<&'a str> {
    tags.iter().find(|tag| tag.key() == Some(key))?.value()
}

/// Nothing is left to do: an adoption when this step itself created it.
pub(super) fn settled<B, O>(tags: &[Tag], context: &Context, output: O) -> Observed<B, O> {
    if ours(tags, context) {
        Observed::Adopted(output)
    } else {
        Observed::Same(output)
    }
}

/// The one of `found` that a name stands for: what this step created comes first, and several others
/// are one too many.
pub(super) fn single<T>(
    mut found: Vec<T>,
    tags_of: impl Fn(&T) -> &[Tag],
    what: &str,
    context: &Context,
) -> StepResult<Option<T>> {
    if let Some(index) = found.iter().position(|one| ours(tags_of(one), context)) {
        return Ok(Some(found.swap_remove(index)));
    }
    if found.len() > 1 {
        let message = format!("{} resources are called {what}", found.len());
        return Err(Fault::new(FaultKind::Invalid, message)
            .help("give each its own Name tag, or its own Project and Environment tags"));
    }
    Ok(found.pop())
}

/// Asks again soon.
pub(super) fn again<T>(note: impl Into<String>) -> Progress<T> {
    Progress::Again {
        after: POLL,
        note: note.into(),
    }
}

/// What was created a moment ago and cannot be seen yet. The effect counts as unknown, so that the
/// engine looks for it instead of creating it again.
pub(super) fn unseen(id: &str) -> Fault {
    Fault::new(
        FaultKind::Transient,
        format!("{id} was created and does not show yet"),
    )
    .unknown_effect()
}

/// `result` of a call on `id`, which was created a moment ago.
pub(super) fn fresh<T>(result: StepResult<T>, id: &str) -> StepResult<T> {
    result.map_err(|fault| match fault.kind {
        FaultKind::NotFound => Fault {
            message: format!("{id} does not show yet: {}", fault.message),
            origin: fault.origin,
            ..unseen(id)
        },
        _ => fault,
    })
}

/// A fault of something that exists under the wished name and cannot become what is wished.
pub(super) fn differs(what: &str, is: &str, wished: &str) -> Fault {
    Fault::new(
        FaultKind::Invalid,
        format!("{what} exists with {is}, not with {wished}"),
    )
}

/// The text of a field that every answer holds.
pub(super) fn text(field: Option<&str>) -> String {
    field.unwrap_or_default().to_owned()
}
