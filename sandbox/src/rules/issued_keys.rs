//! Access keys that the sandbox issues belong to an account.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>:
//! the keys of an assumed role act in the account of the role.

use crate::call::Call;
use crate::http::Reply;
use crate::wire::xml;
use crate::world::World;

pub(super) fn learn(world: &World, call: &Call, reply: &Reply) {
    let account = match (call.service.as_str(), call.operation.as_str()) {
        ("sts", "AssumeRole") => account_of_arn(call.param("RoleArn")),
        ("sts", "GetSessionToken") | ("iam", "CreateAccessKey") => Some(call.account.clone()),
        _ => return,
    };
    if let (Some(account), Some(key)) = (account, xml::first(reply.text(), "AccessKeyId")) {
        world.memory().keys.insert(key, account);
    }
}

fn account_of_arn(arn: &str) -> Option<String> {
    arn.split(':')
        .nth(4)
        .filter(|account| !account.is_empty())
        .map(str::to_owned)
}
