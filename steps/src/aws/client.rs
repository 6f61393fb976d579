//! Clients: one configuration for each place that calls go to, kept for the life of the process.
//!
//! Retries are off: the engine retries, so every attempt is visible and none is multiplied.

use std::collections::HashMap;
use std::env;
use std::ops::Deref;
use std::sync::{LazyLock, Mutex, OnceLock};
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use runbook_step::{Aws, Connect, Context, Fault, FaultKind, StepResult};

use super::fault::{causes, credentials};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
// Off EC2 nothing answers there; a laptop without credentials must hear of it at once.
const IMDS_TIMEOUT: Duration = Duration::from_millis(500);
// Runs under different roles in one long-lived process; far more than live at the same time.
const CACHED: usize = 256;

#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    aws: Aws,
    session: Option<String>,
}

impl Place {
    fn of(context: &Context) -> Self {
        let session = context
            .aws
            .role_arn
            .as_ref()
            .map(|_| session_name(&context.run));
        Self {
            aws: context.aws.clone(),
            session,
        }
    }
}

static CONFIGS: LazyLock<Mutex<HashMap<Place, SdkConfig>>> = LazyLock::new(Mutex::default);
static DEFAULT_REGION: OnceLock<String> = OnceLock::new();

/// The region that calls of `context` go to, once a client was made for it.
pub(crate) fn region(context: &Context) -> Option<String> {
    context
        .aws
        .region
        .clone()
        .or_else(|| DEFAULT_REGION.get().cloned())
}

/// The configuration for `context`'s place.
async fn config(context: &Context) -> StepResult<SdkConfig> {
    let place = Place::of(context);
    if let Some(config) = CONFIGS
        .lock()
        .ok()
        .and_then(|known| known.get(&place).cloned())
    {
        return Ok(config);
    }
    let config = load(&place).await?;
    if let Ok(mut known) = CONFIGS.lock() {
        if known.len() >= CACHED {
            known.clear();
        }
        known.insert(place, config.clone());
    }
    Ok(config)
}

/// What signs requests to `context`'s place, and the endpoint where one is set.
pub(crate) async fn signer(context: &Context) -> StepResult<(Credentials, Option<String>)> {
    let config = config(context).await?;
    let Some(provider) = config.credentials_provider() else {
        return Err(Fault::new(FaultKind::Denied, "no AWS credentials"));
    };
    let found = provider.provide_credentials().await;
    let found = found.map_err(|error| credentials(&error))?;
    Ok((found, config.endpoint_url().map(str::to_owned)))
}

async fn load(place: &Place) -> StepResult<SdkConfig> {
    let aws = &place.aws;
    let imds = imds::Client::builder()
        .max_attempts(1)
        .connect_timeout(IMDS_TIMEOUT)
        .read_timeout(IMDS_TIMEOUT)
        .build();
    let region = find_region(aws, &imds).await?;
    let provider = find_credentials(aws, &region, imds).await;
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(CALL_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(region)
        .credentials_provider(provider)
        .retry_config(RetryConfig::standard().with_max_attempts(1))
        .timeout_config(timeouts)
        .app_name(AppName::new("runbook").expect("a plain word is a valid app name"));
    if let Some(profile) = &aws.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(endpoint) = &aws.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    let config = loader.load().await;
    let config = match &aws.role_arn {
        Some(role) => assume(role, place.session.as_deref(), &config).await,
        None => config,
    };
    if let Some(provider) = config.credentials_provider() {
        provider
            .provide_credentials()
            .await
            .map_err(|error| credentials(&error))?;
    }
    Ok(config)
}

async fn find_region(aws: &Aws, imds: &imds::Client) -> StepResult<Region> {
    if let Some(region) = &aws.region {
        return Ok(Region::new(region.clone()));
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &aws.profile {
        profile = profile.profile_name(name);
    }
    let found = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build())
        .or_else(
            ImdsRegionProvider::builder()
                .imds_client(imds.clone())
                .build(),
        )
        .region()
        .await;
    let Some(region) = found else {
        return Err(Fault::new(FaultKind::Invalid, "no AWS region").help(
            "set `region` on the step or `aws.region` in the environment, or export AWS_REGION",
        ));
    };
    if aws.profile.is_none() {
        let _ = DEFAULT_REGION.set(region.as_ref().to_owned());
    }
    Ok(region)
}

async fn find_credentials(
    aws: &Aws,
    region: &Region,
    imds: imds::Client,
) -> SharedCredentialsProvider {
    if let Some(keys) = &aws.keys {
        let keys = Credentials::new(&keys.id, &keys.secret, None, None, "process");
        return SharedCredentialsProvider::new(keys);
    }
    let settings = ProviderConfig::without_region().with_region(Some(region.clone()));
    // A profile that is asked for by name wins over keys in the process's environment, as with the
    // `--profile` option of the AWS tools.
    if let Some(profile) = &aws.profile {
        let profile = ProfileFileCredentialsProvider::builder()
            .configure(&settings)
            .profile_name(profile)
            .build();
        return SharedCredentialsProvider::new(profile);
    }
    let chain = DefaultCredentialsChain::builder()
        .configure(settings)
        .region(region.clone())
        .imds_client(imds)
        .build()
        .await;
    SharedCredentialsProvider::new(chain)
}

async fn assume(role: &str, session: Option<&str>, config: &SdkConfig) -> SdkConfig {
    let provider = AssumeRoleProvider::builder(role)
        .session_name(session.unwrap_or("runbook"))
        .configure(config)
        .build()
        .await;
    config
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build()
}

/// The name under which the run stands in the account's audit trail. One for each run, so that its
/// steps share one session.
fn session_name(run: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(*c);
    let run: String = run.chars().filter(plain).take(56).collect();
    format!("runbook-{run}")
}

/// Where calls of `service` go, for people.
pub(crate) fn endpoint(service: &str, context: &Context) -> String {
    let of_service = format!(
        "AWS_ENDPOINT_URL_{}",
        service.to_uppercase().replace(' ', "_")
    );
    let set = context
        .aws
        .endpoint_url
        .clone()
        .or_else(|| env::var(of_service).ok())
        .or_else(|| env::var("AWS_ENDPOINT_URL").ok());
    match (set, region(context)) {
        (Some(url), _) => url,
        (None, Some(region)) => format!("{service}.{region}.amazonaws.com"),
        (None, None) => service.to_owned(),
    }
}

/// What stands behind a failed look for credentials, as one line.
pub(crate) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// No request leaves once the process may have lost its right to act for the run.
#[derive(Debug)]
struct LeaseCheck;

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for LeaseCheck {
    fn name(&self) -> &'static str {
        "lease"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if runbook_step::lease::holds() {
            Ok(())
        } else {
            Err("the lease of the run has run out".into())
        }
    }
}

macro_rules! client {
    ($(#[$about:meta])* $feature:literal $name:ident $sdk:ident) => {
        $(#[$about])*
        #[cfg(feature = $feature)]
        #[derive(Clone, Debug)]
        pub(crate) struct $name(pub(crate) $sdk::Client);

        #[cfg(feature = $feature)]
        impl Deref for $name {
            type Target = $sdk::Client;

            fn deref(&self) -> &$sdk::Client {
                &self.0
            }
        }

        #[cfg(feature = $feature)]
        impl Connect for $name {
            async fn connect(context: &Context) -> StepResult<Self> {
                static CLIENTS: LazyLock<Mutex<HashMap<Place, $sdk::Client>>> =
                    LazyLock::new(Mutex::default);
                let place = Place::of(context);
                if let Some(client) =
                    CLIENTS.lock().ok().and_then(|known| known.get(&place).cloned())
                {
                    return Ok(Self(client));
                }
                let config = $sdk::config::Builder::from(&config(context).await?)
                    .interceptor(LeaseCheck)
                    .build();
                let client = $sdk::Client::from_conf(config);
                if let Ok(mut known) = CLIENTS.lock() {
                    if known.len() >= CACHED {
                        known.clear();
                    }
                    known.insert(place, client.clone());
                }
                Ok(Self(client))
            }
        }
    };
}

client! {
    /// Amazon EC2.
    "ec2" Ec2 aws_sdk_ec2
}
client! {
    /// Elastic Load Balancing, version 2.
    "elbv2" Elb aws_sdk_elasticloadbalancingv2
}
client! {
    /// Amazon Route 53.
    "route53" Route53 aws_sdk_route53
}
client! {
    /// Amazon CloudWatch.
    "cloudwatch" CloudWatch aws_sdk_cloudwatch
}
client! {
    /// Amazon SNS.
    "sns" Sns aws_sdk_sns
}
client! {
    /// AWS Security Token Service.
    "sts" Sts aws_sdk_sts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_its_run_in_the_letters_that_sts_takes() {
        assert_eq!(session_name("7f3k"), "runbook-7f3k");
        assert_eq!(session_name("a b/c"), "runbook-abc");
        assert!(session_name(&"x".repeat(100)).len() <= 64);
    }

    #[test]
    fn a_place_without_a_role_is_shared_by_all_runs() {
        let run = |run: &str, role: Option<&str>| {
            let aws = Aws {
                role_arn: role.map(str::to_owned),
                ..Aws::default()
            };
            Place::of(&Context {
                run: run.to_owned(),
                aws,
                ..Context::default()
            })
        };
        assert!(run("a", None) == run("b", None));
        assert!(run("a", Some("arn:aws:iam::1:role/r")) != run("b", Some("arn:aws:iam::1:role/r")));
    }

    #[tokio::test]
    async fn keys_that_the_process_brings_need_no_look_up() {
        let context = Context {
            aws: Aws {
                region: Some("eu-west-1".to_owned()),
                endpoint_url: Some("http://127.0.0.1:9".to_owned()),
                keys: Some(runbook_step::Keys {
                    id: "test".to_owned(),
                    secret: "test".to_owned(),
                }),
                ..Aws::default()
            },
            ..Context::default()
        };
        let config = config(&context).await.unwrap();
        assert_eq!(config.region().map(AsRef::as_ref), Some("eu-west-1"));
        assert_eq!(
            config.retry_config().map(RetryConfig::max_attempts),
            Some(1)
        );
        assert_eq!(endpoint("ec2", &context), "http://127.0.0.1:9");
    }
}
