//! Look-ups that the DNS steps share.

use aws_sdk_route53::types::{HealthCheck, HostedZone, RrType, TagResourceType};
use runbook_step::{Context, Fault, FaultKind, StepResult};

use super::record::{Record, plain};
use super::sent::bare;
use crate::aws::client::Route53;
use crate::aws::fault::{Expect, Explain, not_found};

/// The zones with exactly this name, public and private ones.
pub(super) async fn zones(
    route53: &Route53,
    context: &Context,
    name: &str,
) -> StepResult<Vec<HostedZone>> {
    let answer = route53
        .list_hosted_zones_by_name()
        .dns_name(name)
        .send()
        .await
        .explain("route53:ListHostedZonesByName", context)?;
    let name = plain(name);
    let mut zones = answer.hosted_zones;
    zones.retain(|zone| plain(zone.name()) == name);
    Ok(zones)
}

pub(super) fn is_private(zone: &HostedZone) -> bool {
    zone.config().is_some_and(|config| config.private_zone())
}

/// The one zone with this name.
pub(super) async fn zone_called(
    route53: &Route53,
    context: &Context,
    (name, private): (&str, Option<bool>),
) -> StepResult<String> {
    let mut zones = zones(route53, context, name).await?;
    zones.retain(|zone| private.is_none_or(|private| is_private(zone) == private));
    match zones.as_slice() {
        [] => Err(not_found(format_args!("hosted zone `{name}`"))),
        [zone] => Ok(bare(zone.id()).to_owned()),
        several => {
            let ids: Vec<_> = several.iter().map(|zone| bare(zone.id())).collect();
            let message = format!("{} hosted zones are called `{name}`", ids.len());
            Err(Fault::new(FaultKind::Invalid, message)
                .help(format!("give the id of one of them: {}", ids.join(", "))))
        }
    }
}

/// The id of a zone that is given by id or name.
pub(super) async fn zone_id(
    route53: &Route53,
    context: &Context,
    zone: &str,
) -> StepResult<String> {
    // Ids are in capitals; names have dots, or are in small letters.
    let id = bare(zone);
    let is_id = id.len() > 5
        && id
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if is_id {
        return Ok(id.to_owned());
    }
    zone_called(route53, context, (zone, None)).await
}

/// Every record of this name and type; one with a routing policy has several.
pub(super) async fn records(
    route53: &Route53,
    context: &Context,
    (zone, name, kind): (&str, &str, &str),
) -> StepResult<Vec<Record>> {
    // Records come sorted, so that those of one name and type are the first of the answer; there can
    // be no more of them than one answer holds.
    let answer = route53
        .list_resource_record_sets()
        .hosted_zone_id(zone)
        .start_record_name(name)
        .start_record_type(RrType::from(kind))
        .send()
        .await
        .explain("route53:ListResourceRecordSets", context)?;
    let name = plain(name);
    answer
        .resource_record_sets()
        .iter()
        .filter(|set| plain(set.name()) == name && set.r#type().as_str() == kind)
        .map(Record::read)
        .collect()
}

/// The health check that this step made, else the one with this `Name` tag.
pub(super) async fn health_check(
    route53: &Route53,
    context: &Context,
    name: &str,
) -> StepResult<Option<HealthCheck>> {
    let mut checks = Vec::new();
    let mut pages = route53.list_health_checks().into_paginator().send();
    while let Some(page) = pages.next().await {
        checks.extend(
            page.explain("route53:ListHealthChecks", context)?
                .health_checks,
        );
    }
    let own = |check: &HealthCheck| check.caller_reference() == context.token;
    if let Some(own) = checks.iter().position(own) {
        return Ok(Some(checks.swap_remove(own)));
    }
    // Route 53 tells the tags of ten at a time.
    for ten in checks.chunks(10) {
        let ids = ten.iter().map(|check| check.id().to_owned()).collect();
        let answer = route53
            .list_tags_for_resources()
            .resource_type(TagResourceType::Healthcheck)
            .set_resource_ids(Some(ids))
            .send()
            .await
            .explain("route53:ListTagsForResources", context)?;
        let named = answer.resource_tag_sets().iter().find(|set| {
            set.tags()
                .iter()
                .any(|tag| tag.key() == Some("Name") && tag.value() == Some(name))
        });
        if let Some(id) = named.and_then(|set| set.resource_id()) {
            return Ok(ten.iter().find(|check| check.id() == id).cloned());
        }
    }
    Ok(None)
}

/// Whether the step has tagged the zone or health check as its own.
pub(super) async fn has_token_tag(
    route53: &Route53,
    context: &Context,
    (kind, id): (TagResourceType, &str),
) -> StepResult<bool> {
    let answer = route53
        .list_tags_for_resource()
        .resource_type(kind)
        .resource_id(id)
        .send()
        .await
        .explain("route53:ListTagsForResource", context)
        .or_absent()?;
    Ok(answer
        .and_then(|answer| answer.resource_tag_set)
        .is_some_and(|set| {
            set.tags().iter().any(|tag| {
                tag.key() == Some(crate::aws::tags::TOKEN)
                    && tag.value() == Some(context.token.as_str())
            })
        }))
}

/// Tags a new zone or health check; these cannot be tagged when they are made.
pub(super) async fn tag(
    route53: &Route53,
    context: &Context,
    (kind, id, name): (TagResourceType, &str, &str),
) -> StepResult<()> {
    let tags = crate::aws::tags::creation(context, Some(name))
        .into_iter()
        .map(|(key, value)| {
            aws_sdk_route53::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
        })
        .collect();
    route53
        .change_tags_for_resource()
        .resource_type(kind)
        .resource_id(id)
        .set_add_tags(Some(tags))
        .send()
        .await
        .explain("route53:ChangeTagsForResource", context)?;
    Ok(())
}
