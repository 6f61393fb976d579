//! What a listener does by default, as a record that undo can restore.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, ForwardActionConfig, RedirectActionConfig,
    RedirectActionStatusCodeEnum, TargetGroupStickinessConfig, TargetGroupTuple,
};
use runbook_step::{Fault, FaultKind, StepResult};
use serde::{Deserialize, Serialize};

/// One default action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Does {
    /// Forwards to target groups by weight.
    Forward {
        /// ARN to weight; a single group has weight 1.
        groups: BTreeMap<String, i32>,
        /// Seconds that a client stays with its group.
        sticky: Option<i32>,
    },
    /// Redirects.
    Redirect {
        protocol: Option<String>,
        port: Option<String>,
        host: Option<String>,
        path: Option<String>,
        query: Option<String>,
        status: String,
    },
    /// Answers by itself.
    Fixed {
        body: Option<String>,
        status: String,
        content_type: Option<String>,
    },
}

impl Does {
    pub(super) fn forward(group: &str) -> Self {
        Self::Forward {
            groups: BTreeMap::from([(group.to_owned(), 1)]),
            sticky: None,
        }
    }

    /// Reads an action; refuses those that could not be restored.
    pub(super) fn read(action: &Action) -> StepResult<Self> {
        match action.r#type() {
            Some(ActionTypeEnum::Forward) => Ok(Self::read_forward(action)),
            Some(ActionTypeEnum::Redirect) => {
                let config = action.redirect_config();
                let text = |get: fn(&RedirectActionConfig) -> Option<&str>| {
                    config.and_then(get).map(str::to_owned)
                };
                Ok(Self::Redirect {
                    protocol: text(RedirectActionConfig::protocol),
                    port: text(RedirectActionConfig::port),
                    host: text(RedirectActionConfig::host),
                    path: text(RedirectActionConfig::path),
                    query: text(RedirectActionConfig::query),
                    status: config
                        .and_then(RedirectActionConfig::status_code)
                        .map_or("HTTP_302", RedirectActionStatusCodeEnum::as_str)
                        .to_owned(),
                })
            }
            Some(ActionTypeEnum::FixedResponse) => {
                let config = action.fixed_response_config();
                let text = |get: fn(&FixedResponseActionConfig) -> Option<&str>| {
                    config.and_then(get).map(str::to_owned)
                };
                Ok(Self::Fixed {
                    body: text(FixedResponseActionConfig::message_body),
                    status: text(FixedResponseActionConfig::status_code).unwrap_or_default(),
                    content_type: text(FixedResponseActionConfig::content_type),
                })
            }
            other => {
                let kind = other.map_or("unknown", ActionTypeEnum::as_str);
                let message = format!(
                    "the listener has an action of type {kind}, which could not be restored"
                );
                Err(Fault::new(FaultKind::Invalid, message))
            }
        }
    }

    fn read_forward(action: &Action) -> Self {
        let config = action.forward_config();
        let mut groups: BTreeMap<String, i32> = config
            .map(ForwardActionConfig::target_groups)
            .unwrap_or_default()
            .iter()
            .filter_map(|group| {
                Some((
                    group.target_group_arn()?.to_owned(),
                    group.weight().unwrap_or(1),
                ))
            })
            .collect();
        if groups.is_empty()
            && let Some(group) = action.target_group_arn()
        {
            groups.insert(group.to_owned(), 1);
        }
        if groups.len() == 1 {
            // The only group gets everything, whatever its weight.
            groups.values_mut().for_each(|weight| *weight = 1);
        }
        Self::Forward {
            groups,
            sticky: config
                .and_then(ForwardActionConfig::target_group_stickiness_config)
                .filter(|sticky| sticky.enabled() == Some(true))
                .and_then(TargetGroupStickinessConfig::duration_seconds),
        }
    }

    pub(super) fn write(&self) -> Action {
        match self {
            Self::Forward { groups, sticky } => Self::write_forward(groups, *sticky),
            Self::Redirect {
                protocol,
                port,
                host,
                path,
                query,
                status,
            } => Action::builder()
                .r#type(ActionTypeEnum::Redirect)
                .redirect_config(
                    RedirectActionConfig::builder()
                        .set_protocol(protocol.clone())
                        .set_port(port.clone())
                        .set_host(host.clone())
                        .set_path(path.clone())
                        .set_query(query.clone())
                        .status_code(status.as_str().into())
                        .build(),
                )
                .build(),
            Self::Fixed {
                body,
                status,
                content_type,
            } => Action::builder()
                .r#type(ActionTypeEnum::FixedResponse)
                .fixed_response_config(
                    FixedResponseActionConfig::builder()
                        .set_message_body(body.clone())
                        .status_code(status)
                        .set_content_type(content_type.clone())
                        .build(),
                )
                .build(),
        }
    }

    fn write_forward(groups: &BTreeMap<String, i32>, sticky: Option<i32>) -> Action {
        let action = Action::builder().r#type(ActionTypeEnum::Forward);
        if let (Some(only), 1, None) = (groups.keys().next(), groups.len(), sticky) {
            return action.target_group_arn(only).build();
        }
        let tuples = groups
            .iter()
            .map(|(arn, weight)| {
                TargetGroupTuple::builder()
                    .target_group_arn(arn)
                    .weight(*weight)
                    .build()
            })
            .collect();
        let sticky = TargetGroupStickinessConfig::builder()
            .enabled(sticky.is_some())
            .set_duration_seconds(sticky)
            .build();
        let config = ForwardActionConfig::builder()
            .set_target_groups(Some(tuples))
            .target_group_stickiness_config(sticky)
            .build();
        action.forward_config(config).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_can_be_written_and_read_again() {
        let two = BTreeMap::from([("arn:blue".to_owned(), 90), ("arn:green".to_owned(), 10)]);
        for does in [
            Does::forward("arn:blue"),
            Does::Forward {
                groups: two,
                sticky: Some(60),
            },
            Does::Redirect {
                protocol: Some("HTTPS".to_owned()),
                port: Some("443".to_owned()),
                host: None,
                path: None,
                query: None,
                status: "HTTP_301".to_owned(),
            },
            Does::Fixed {
                body: Some("sorry".to_owned()),
                status: "503".to_owned(),
                content_type: Some("text/plain".to_owned()),
            },
        ] {
            assert_eq!(Does::read(&does.write()).unwrap(), does);
        }
    }

    #[test]
    fn an_action_that_could_not_be_restored_is_refused() {
        let action = Action::builder()
            .r#type(ActionTypeEnum::AuthenticateOidc)
            .build();
        assert_eq!(Does::read(&action).unwrap_err().kind, FaultKind::Invalid);
    }
}
