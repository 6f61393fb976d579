//! `aws.sts.whoami`

use runbook_step::{Args, Context, Fault, FaultKind, Query, StepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aws::client::Sts;
use crate::aws::fault::Explain;

/// Tells which account and identity the steps work with.
///
/// With `expect_account` it fails in any other account: put it first in a runbook that must not run
/// in the wrong one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whoami {
    /// The account that it must be, 12 digits.
    #[serde(default)]
    expect_account: Option<String>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Identity {
    /// Id of the account.
    account: String,
    /// ARN of the user or of the assumed role.
    arn: String,
}

impl Args for Whoami {
    const KIND: &'static str = "aws.sts.whoami";
    // Needs no permission; named so that a policy tells what is called.
    const IAM: &'static [&'static str] = &["sts:GetCallerIdentity"];
    type Client = Sts;
    type Output = Identity;
}

impl Query for Whoami {
    async fn read(&self, sts: &Sts, context: &Context) -> StepResult<Identity> {
        let answer = sts
            .get_caller_identity()
            .send()
            .await
            .explain("sts:GetCallerIdentity", context)?;
        let identity = Identity {
            account: answer.account.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
        };
        match &self.expect_account {
            Some(account) if *account != identity.account => {
                let message = format!("this is account {}, not {account}", identity.account);
                Err(Fault::new(FaultKind::Unmet, message)
                    .help("choose another profile or role for this environment"))
            }
            Some(_) | None => Ok(identity),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;
    use aws_smithy_mocks::mock;
    use serde_json::{from_value, json};

    use super::*;
    use crate::aws::testing::{answering, context};

    #[tokio::test]
    async fn another_account_is_refused() {
        let rule = mock!(aws_sdk_sts::Client::get_caller_identity).then_output(|| {
            GetCallerIdentityOutput::builder()
                .account("111111111111")
                .arn("arn:aws:iam::111111111111:root")
                .build()
        });
        let sts = Sts(answering!(aws_sdk_sts, [&rule]));
        let whoami = |with| from_value::<Whoami>(with).unwrap();
        let same = whoami(json!({ "expect_account": "111111111111" }));
        assert_eq!(
            same.read(&sts, &context()).await.unwrap().account,
            "111111111111"
        );
        let other = whoami(json!({ "expect_account": "222222222222" }));
        let fault = other.read(&sts, &context()).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unmet);
        assert_eq!(
            fault.message,
            "this is account 111111111111, not 222222222222"
        );
    }
}
