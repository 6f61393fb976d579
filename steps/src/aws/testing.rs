//! What the tests of all services share: a context, and clients that answer from rules.

use aws_config::Region;
use aws_credential_types::Credentials;
use runbook_step::{Aws, Context};

/// The token of [`context`].
pub(crate) const TOKEN: &str = "5f0c";

/// The context of a first attempt in an environment with `Project` and `Environment` tags.
pub(crate) fn context() -> Context {
    let tags = [("Project", "shop"), ("Environment", "test")];
    Context {
        run: "7f3k".to_owned(),
        step: "make".to_owned(),
        token: TOKEN.to_owned(),
        attempt: 1,
        aws: Aws {
            region: Some("us-east-1".to_owned()),
            ..Aws::default()
        },
        tags: tags
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Context::default()
    }
}

/// Keys that sign nothing real.
pub(crate) fn keys() -> Credentials {
    Credentials::new("test", "test", None, None, "test")
}

/// Where the mock clients believe to be.
pub(crate) fn region() -> Region {
    Region::from_static("us-east-1")
}

/// A client of the service crate `$sdk` that answers from `$rules`, each of which matches any number
/// of calls. A call that no rule matches fails the test.
macro_rules! answering {
    ($sdk:ident, $rules:expr) => {{
        let mut rules = aws_smithy_mocks::MockResponseInterceptor::new()
            .rule_mode(aws_smithy_mocks::RuleMode::MatchAny);
        for rule in $rules {
            rules = rules.with_rule(rule);
        }
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
                .region($crate::aws::testing::region())
                .credentials_provider($crate::aws::testing::keys())
                .retry_config(aws_config::retry::RetryConfig::disabled())
                .http_client(aws_smithy_mocks::create_mock_http_client())
                .interceptor(rules)
                .build(),
        )
    }};
}
pub(crate) use answering;
