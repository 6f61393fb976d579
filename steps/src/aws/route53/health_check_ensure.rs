//! `aws.route53.health_check.ensure`

use std::net::IpAddr;

use aws_sdk_route53::types::{HealthCheck, HealthCheckConfig, HealthCheckType, TagResourceType};
use runbook_step::{
    Args, Change, Context, Fault, FaultKind, Found, Observed, Progress, RetryClass, StepResult,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;
use crate::aws::client::Route53;
use crate::aws::fault::{Expect, Explain, incomplete};

/// Makes sure that a health check of an endpoint exists and is as wished.
///
/// It is found by its `Name` tag. Host, port, path and threshold are changed where they differ; type
/// and interval cannot be changed. Undo deletes a health check that this step made and restores one
/// that it changed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ensure {
    /// Name, kept in the `Name` tag.
    name: String,
    /// How the endpoint is asked.
    #[serde(rename = "type")]
    kind: Kind,
    /// Domain name or IP address of the endpoint.
    host: String,
    /// Port of the endpoint; 80 for HTTP and 443 for HTTPS when absent.
    #[serde(default)]
    port: Option<u16>,
    /// Path that is asked for with HTTP and HTTPS; left alone when absent.
    #[serde(default)]
    path: Option<String>,
    /// Seconds between two questions of one observer: 10 or 30.
    #[serde(default = "thirty")]
    #[schemars(extend("enum" = [10, 30]))]
    interval: u8,
    /// So many answers in a row change the health.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 10))]
    failure_threshold: u8,
}

/// How an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
enum Kind {
    /// A status from 200 to 399 is healthy.
    Http,
    /// The same, encrypted.
    Https,
    /// A connection is healthy.
    Tcp,
}

impl From<Kind> for HealthCheckType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Http => Self::Http,
            Kind::Https => Self::Https,
            Kind::Tcp => Self::Tcp,
        }
    }
}

fn thirty() -> u8 {
    30
}

fn three() -> u8 {
    3
}

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Check {
    /// Its id, as records refer to it.
    health_check_id: String,
}

/// What can be changed, and what undo restores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    address: Option<String>,
    host: Option<String>,
    port: Option<i32>,
    path: Option<String>,
    threshold: Option<i32>,
}

/// The settings before; none when this step makes the health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Before {
    existing: Option<Settings>,
}

impl Args for Ensure {
    const KIND: &'static str = "aws.route53.health_check.ensure";
    const IAM: &'static [&'static str] = &[
        "route53:ChangeTagsForResource",
        "route53:CreateHealthCheck",
        "route53:DeleteHealthCheck",
        "route53:ListHealthChecks",
        "route53:ListTagsForResource",
        "route53:ListTagsForResources",
        "route53:UpdateHealthCheck",
    ];
    type Client = Route53;
    type Output = Check;
}

impl Change for Ensure {
    type Before = Before;
    const FOUND: Found = Found::Creates;
    const CLASS: RetryClass = RetryClass::Token;

    async fn observe(
        &self,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Observed<Before, Check>> {
        let wish = self.wish()?;
        let Some(check) = find::health_check(route53, context, &self.name).await? else {
            return Ok(Observed::Differs(Before { existing: None }));
        };
        self.check_fixed(&check)?;
        let own = is_own(&check, context);
        let settings = self.settings(&check);
        let of = (TagResourceType::Healthcheck, check.id());
        let done = settings == wish && (!own || find::has_token_tag(route53, context, of).await?);
        Ok(match (done, own) {
            (true, true) => Observed::Adopted(output(&check)),
            (true, false) => Observed::Same(output(&check)),
            (false, true) => Observed::Differs(Before { existing: None }),
            (false, false) => Observed::Differs(Before {
                existing: Some(settings),
            }),
        })
    }

    async fn apply(
        &self,
        before: &Before,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Progress<Check>> {
        let wish = self.wish()?;
        let check = match find::health_check(route53, context, &self.name).await? {
            Some(check) => check,
            None if before.existing.is_some() => {
                let what = format!("health check `{}`", self.name);
                return Err(crate::aws::fault::not_found(what));
            }
            None => self.create(route53, context, &wish).await?,
        };
        self.check_fixed(&check)?;
        if is_own(&check, context) {
            let what = (TagResourceType::Healthcheck, check.id(), self.name.as_str());
            find::tag(route53, context, what).await?;
        }
        if self.settings(&check) != wish {
            update(route53, context, &check, &wish).await?;
        }
        Ok(Progress::Done(output(&check)))
    }

    async fn undo(
        &self,
        before: &Before,
        _: Option<&Check>,
        route53: &Route53,
        context: &Context,
    ) -> StepResult<Progress<()>> {
        let Some(check) = find::health_check(route53, context, &self.name).await? else {
            return Ok(Progress::Done(()));
        };
        match &before.existing {
            None if is_own(&check, context) => {
                route53
                    .delete_health_check()
                    .health_check_id(check.id())
                    .send()
                    .await
                    .explain("route53:DeleteHealthCheck", context)
                    .or_absent()?;
            }
            // What has this name now is not what this step made.
            None => {}
            Some(before) => {
                let now = self.settings(&check);
                if now != *before {
                    if now != self.wish()? {
                        let message = format!(
                            "health check `{}` was changed since; it is left as it is",
                            self.name
                        );
                        return Err(Fault::new(FaultKind::Conflict, message));
                    }
                    update(route53, context, &check, before).await?;
                }
            }
        }
        Ok(Progress::Done(()))
    }
}

fn is_own(check: &HealthCheck, context: &Context) -> bool {
    check.caller_reference() == context.token
}

fn output(check: &HealthCheck) -> Check {
    Check {
        health_check_id: check.id().to_owned(),
    }
}

impl Ensure {
    fn wish(&self) -> StepResult<Settings> {
        let port = match (self.port, self.kind) {
            (Some(port), _) => port,
            (None, Kind::Http) => 80,
            (None, Kind::Https) => 443,
            (None, Kind::Tcp) => {
                return Err(Fault::new(
                    FaultKind::Invalid,
                    "a TCP health check needs a `port`",
                ));
            }
        };
        let is_address = self.host.parse::<IpAddr>().is_ok();
        Ok(Settings {
            address: is_address.then(|| self.host.clone()),
            host: (!is_address).then(|| self.host.clone()),
            port: Some(i32::from(port)),
            path: self.path.clone(),
            threshold: Some(i32::from(self.failure_threshold)),
        })
    }

    fn check_fixed(&self, check: &HealthCheck) -> StepResult<()> {
        let Some(config) = check.health_check_config() else {
            return Ok(());
        };
        let wished = HealthCheckType::from(self.kind);
        let wrong = if *config.r#type() != wished {
            format!(
                "with type {}, not {}",
                config.r#type().as_str(),
                wished.as_str()
            )
        } else if config
            .request_interval()
            .is_some_and(|now| now != i32::from(self.interval))
        {
            format!("without interval {}", self.interval)
        } else if config.ip_address().is_some() != self.host.parse::<IpAddr>().is_ok() {
            "with the other kind of host: name or address".to_owned()
        } else {
            return Ok(());
        };
        let message = format!("health check `{}` exists {wrong}", self.name);
        Err(Fault::new(FaultKind::Invalid, message)
            .help("type, interval and kind of host cannot be changed: choose another name"))
    }

    /// What the health check has of what this step may change.
    fn settings(&self, check: &HealthCheck) -> Settings {
        let config = check.health_check_config();
        let path = config.and_then(|config| config.resource_path());
        let is_address = config.is_some_and(|config| config.ip_address().is_some());
        let text =
            |get: fn(&HealthCheckConfig) -> Option<&str>| config.and_then(get).map(str::to_owned);
        Settings {
            address: text(HealthCheckConfig::ip_address),
            // Beside an address the name is only the `Host` header.
            host: text(HealthCheckConfig::fully_qualified_domain_name).filter(|_| !is_address),
            port: config.and_then(|config| config.port()),
            path: self.path.as_ref().and(path.map(str::to_owned)),
            threshold: config.and_then(|config| config.failure_threshold()),
        }
    }

    async fn create(
        &self,
        route53: &Route53,
        context: &Context,
        wish: &Settings,
    ) -> StepResult<HealthCheck> {
        let sni = (self.kind == Kind::Https).then_some(wish.host.is_some());
        let config = HealthCheckConfig::builder()
            .r#type(self.kind.into())
            .set_ip_address(wish.address.clone())
            .set_fully_qualified_domain_name(wish.host.clone())
            .set_port(wish.port)
            .set_resource_path(wish.path.clone())
            .set_failure_threshold(wish.threshold)
            .request_interval(i32::from(self.interval))
            .set_enable_sni(sni)
            .build()
            .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
        let answer = route53
            .create_health_check()
            .caller_reference(&context.token)
            .health_check_config(config)
            .send()
            .await
            .explain("route53:CreateHealthCheck", context)?;
        answer
            .health_check
            .ok_or_else(|| incomplete("CreateHealthCheck", "a health check"))
    }
}

/// Writes the settings, if nobody else changed the health check since it was read.
async fn update(
    route53: &Route53,
    context: &Context,
    check: &HealthCheck,
    wished: &Settings,
) -> StepResult<()> {
    route53
        .update_health_check()
        .health_check_id(check.id())
        .health_check_version(check.health_check_version())
        .set_ip_address(wished.address.clone())
        .set_fully_qualified_domain_name(wished.host.clone())
        .set_port(wished.port)
        .set_resource_path(wished.path.clone())
        .set_failure_threshold(wished.threshold)
        .send()
        .await
        .explain("route53:UpdateHealthCheck", context)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::Client;
    use aws_sdk_route53::operation::change_tags_for_resource::ChangeTagsForResourceOutput;
    use aws_sdk_route53::operation::create_health_check::CreateHealthCheckOutput;
    use aws_sdk_route53::operation::delete_health_check::DeleteHealthCheckOutput;
    use aws_sdk_route53::operation::list_health_checks::ListHealthChecksOutput;
    use aws_sdk_route53::operation::list_tags_for_resource::ListTagsForResourceOutput;
    use aws_sdk_route53::operation::list_tags_for_resources::ListTagsForResourcesOutput;
    use aws_sdk_route53::operation::update_health_check::UpdateHealthCheckOutput;
    use aws_sdk_route53::types::{ResourceTagSet, Tag};
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::{from_value, json};

    use super::*;
    use crate::aws::testing::{TOKEN, answering, context};

    fn step() -> Ensure {
        let with =
            json!({ "name": "web", "type": "HTTP", "host": "web.example.com", "path": "/up" });
        from_value(with).unwrap()
    }

    fn check(reference: &str, path: &str) -> HealthCheck {
        let config = HealthCheckConfig::builder()
            .r#type(HealthCheckType::Http)
            .fully_qualified_domain_name("web.example.com")
            .port(80)
            .resource_path(path)
            .request_interval(30)
            .failure_threshold(3)
            .build()
            .unwrap();
        HealthCheck::builder()
            .id("h-1")
            .caller_reference(reference)
            .health_check_config(config)
            .health_check_version(7)
            .build()
            .unwrap()
    }

    fn listed(checks: Vec<HealthCheck>) -> Rule {
        mock!(Client::list_health_checks).then_output(move || {
            ListHealthChecksOutput::builder()
                .set_health_checks(Some(checks.clone()))
                .marker("")
                .is_truncated(false)
                .max_items(100)
                .build()
                .unwrap()
        })
    }

    fn tags(key: &str, value: &str) -> ResourceTagSet {
        ResourceTagSet::builder()
            .resource_id("h-1")
            .tags(Tag::builder().key(key).value(value).build())
            .build()
    }

    fn named(name: &str) -> Rule {
        let set = tags("Name", name);
        mock!(Client::list_tags_for_resources).then_output(move || {
            ListTagsForResourcesOutput::builder()
                .resource_tag_sets(set.clone())
                .build()
                .unwrap()
        })
    }

    fn tagged(key: &'static str, value: &'static str) -> Rule {
        mock!(Client::list_tags_for_resource).then_output(move || {
            ListTagsForResourceOutput::builder()
                .resource_tag_set(tags(key, value))
                .build()
        })
    }

    fn client(rules: &[&Rule]) -> Route53 {
        Route53(answering!(aws_sdk_route53, rules))
    }

    #[tokio::test]
    async fn it_is_made_with_the_token_as_reference_and_then_tagged() {
        let created = mock!(Client::create_health_check)
            .match_requests(|request| request.caller_reference() == Some(TOKEN))
            .then_output(|| {
                let builder = CreateHealthCheckOutput::builder().health_check(check(TOKEN, "/up"));
                builder.location("l").build().unwrap()
            });
        let tagged = mock!(Client::change_tags_for_resource)
            .match_requests(|request| {
                let has = |key, value| {
                    request
                        .add_tags()
                        .iter()
                        .any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
                };
                has("Name", "web") && has("runbook:token", TOKEN)
            })
            .then_output(|| ChangeTagsForResourceOutput::builder().build());
        let route53 = client(&[&listed(vec![]), &created, &tagged]);
        let before = Before { existing: None };
        assert_eq!(
            step().observe(&route53, &context()).await,
            Ok(Observed::Differs(before.clone()))
        );
        let done = step().apply(&before, &route53, &context()).await.unwrap();
        assert_eq!(done, Progress::Done(output(&check(TOKEN, "/up"))));
        assert_eq!((created.num_calls(), tagged.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn one_of_a_lost_attempt_is_adopted_once_it_is_tagged() {
        let listed = listed(vec![check("other", "/up"), check(TOKEN, "/up")]);
        let route53 = client(&[&listed, &tagged("runbook:token", TOKEN)]);
        let adopted = Observed::Adopted(output(&check(TOKEN, "/up")));
        assert_eq!(step().observe(&route53, &context()).await, Ok(adopted));
        let route53 = client(&[&listed, &tagged("Name", "other")]);
        let unfinished = Observed::Differs(Before { existing: None });
        assert_eq!(step().observe(&route53, &context()).await, Ok(unfinished));
    }

    #[tokio::test]
    async fn one_of_this_name_is_kept_or_changed_with_its_version() {
        let route53 = client(&[&listed(vec![check("other", "/up")]), &named("web")]);
        let same = Observed::Same(output(&check("other", "/up")));
        assert_eq!(step().observe(&route53, &context()).await, Ok(same));

        let update = |path: &'static str| {
            mock!(Client::update_health_check)
                .match_requests(move |request| {
                    request.health_check_version() == Some(7)
                        && request.resource_path() == Some(path)
                })
                .then_output(|| UpdateHealthCheckOutput::builder().build())
        };
        let forward = update("/up");
        let route53 = client(&[
            &listed(vec![check("other", "/old")]),
            &named("web"),
            &forward,
        ]);
        let Ok(Observed::Differs(before)) = step().observe(&route53, &context()).await else {
            panic!("it differs");
        };
        step().apply(&before, &route53, &context()).await.unwrap();
        let back = update("/old");
        let route53 = client(&[&listed(vec![check("other", "/up")]), &named("web"), &back]);
        step()
            .undo(&before, None, &route53, &context())
            .await
            .unwrap();
        assert_eq!((forward.num_calls(), back.num_calls()), (1, 1));
    }

    #[tokio::test]
    async fn undo_deletes_only_what_this_step_made() {
        let deleted = mock!(Client::delete_health_check)
            .then_output(|| DeleteHealthCheckOutput::builder().build());
        let before = Before { existing: None };
        let route53 = client(&[
            &listed(vec![check("other", "/up")]),
            &named("web"),
            &deleted,
        ]);
        step()
            .undo(&before, None, &route53, &context())
            .await
            .unwrap();
        assert_eq!(deleted.num_calls(), 0);
        let route53 = client(&[&listed(vec![check(TOKEN, "/up")]), &deleted]);
        step()
            .undo(&before, None, &route53, &context())
            .await
            .unwrap();
        assert_eq!(deleted.num_calls(), 1);
    }
}
