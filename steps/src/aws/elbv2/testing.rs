//! Answers that the tests of several load balancer steps give.

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::DescribeTargetHealthOutput;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealth, TargetHealthDescription,
};
use aws_smithy_mocks::{Rule, mock};

use crate::aws::client::Elb;
use crate::aws::testing::answering;

pub(super) fn client(rules: &[&Rule]) -> Elb {
    Elb(answering!(aws_sdk_elasticloadbalancingv2, rules))
}

/// Answers with these targets, given by id and state.
pub(super) fn targets(targets: &'static [(&'static str, &'static str)]) -> Rule {
    mock!(Client::describe_target_health).then_output(move || {
        let described = targets.iter().map(|(id, state)| {
            TargetHealthDescription::builder()
                .target(TargetDescription::builder().id(*id).port(80).build())
                .target_health(TargetHealth::builder().state((*state).into()).build())
                .build()
        });
        let described = described.collect();
        DescribeTargetHealthOutput::builder()
            .set_target_health_descriptions(Some(described))
            .build()
    })
}
