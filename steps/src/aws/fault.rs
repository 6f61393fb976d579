//! What an error of AWS means: the one place that turns it into a [`Fault`].

use std::error::Error;
use std::io;
use std::iter::successors;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use runbook_step::{Context, Executed, Fault, FaultKind, Origin, StepResult};

use super::client;

/// Turns the answer of a call into what the engine understands.
pub(crate) trait Explain<T> {
    /// `call` is the IAM action, such as `ec2:CreateVpc`.
    fn explain(self, call: &str, context: &Context) -> StepResult<T>;
}

impl<T, E> Explain<T> for Result<T, SdkError<E, HttpResponse>>
where
    T: RequestId,
    E: ProvideErrorMetadata + Error + 'static,
{
    fn explain(self, call: &str, context: &Context) -> StepResult<T> {
        match self {
            Ok(output) => {
                if let Some(id) = output.request_id() {
                    context.requests.line(id);
                }
                Ok(output)
            }
            Err(error) => Err(explain(&error, call, context)),
        }
    }
}

/// What to make of faults that a step expects.
pub(crate) trait Expect<T> {
    /// `None` where the thing does not exist.
    fn or_absent(self) -> StepResult<Option<T>>;

    /// `None` where the service answered one of `codes`.
    fn or_code(self, codes: &[&str]) -> StepResult<Option<T>>;
}

impl<T> Expect<T> for StepResult<T> {
    fn or_absent(self) -> StepResult<Option<T>> {
        match self {
            Err(fault) if fault.kind == FaultKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    fn or_code(self, codes: &[&str]) -> StepResult<Option<T>> {
        match self {
            Err(fault) if code(&fault).is_some_and(|code| codes.contains(&code)) => Ok(None),
            other => other.map(Some),
        }
    }
}

/// The service's own error code.
pub(crate) fn code(fault: &Fault) -> Option<&str> {
    fault.origin.as_ref()?.code.as_deref()
}

/// A fault of a thing that is not there.
pub(crate) fn not_found(what: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::NotFound, format!("{what} does not exist"))
}

/// A fault of an answer that lacks what the service documents.
pub(crate) fn incomplete(call: &str, what: &str) -> Fault {
    Fault::new(
        FaultKind::Transient,
        format!("{call} answered without {what}"),
    )
    .unknown_effect()
}

/// An error and what stands behind it.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&error| error.source())
}

/// What a failed look for credentials means.
pub(crate) fn credentials(error: &CredentialsError) -> Fault {
    let why = client::reason(error);
    // Off EC2 the last place to look is one that is not there: that is no reason worth telling.
    let nowhere = matches!(
        error,
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::ProviderTimedOut(_)
    ) || why.contains("IMDS");
    let message = if nowhere {
        "no AWS credentials".to_owned()
    } else {
        format!("no AWS credentials: {why}")
    };
    Fault::new(FaultKind::Denied, message).help(HOW_TO_SIGN_IN)
}

const HOW_TO_SIGN_IN: &str = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
    `aws.profile` in the environment file; if a sign-in has run out: `aws sso login`";

fn explain<E>(error: &SdkError<E, HttpResponse>, call: &str, context: &Context) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (service, action) = call.split_once(':').unwrap_or((call, ""));
    let mut fault = match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let code = answer.err().code();
            answered(code, status, answer.err().message(), action)
        }
        SdkError::ResponseError(answer) => unreadable(answer.raw().status().as_u16(), action),
        SdkError::TimeoutError(_) => Fault::new(
            FaultKind::Transient,
            format!(
                "no answer from {} in time",
                client::endpoint(service, context)
            ),
        )
        .unknown_effect(),
        SdkError::DispatchFailure(_) => unsent(error, service, context),
        SdkError::ConstructionFailure(_) => Fault::new(FaultKind::Invalid, innermost(error)),
        _ => Fault::new(FaultKind::Transient, innermost(error)).unknown_effect(),
    };
    let code = match error {
        SdkError::ServiceError(answer) => answer.err().code().map(str::to_owned),
        _ => None,
    };
    fault.origin = Some(Origin {
        service: service.to_owned(),
        action: action.to_owned(),
        region: client::region(context),
        code,
        request_id: request_id(error),
    });
    fault
}

fn request_id<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let in_body = match error {
        SdkError::ServiceError(answer) => answer.err().meta().request_id().map(str::to_owned),
        _ => None,
    };
    in_body.or_else(|| error.request_id().map(str::to_owned))
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .last()
        .map(|cause| fragment(&cause.to_string()))
        .unwrap_or_default()
}

/// The request did not get an answer; whether it arrived depends on how far it came.
fn unsent(error: &(dyn Error + 'static), service: &str, context: &Context) -> Fault {
    if let Some(missing) = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>())
    {
        return credentials(missing);
    }
    let message = format!(
        "cannot reach {}: {}",
        client::endpoint(service, context),
        innermost(error)
    );
    let fault = Fault::new(FaultKind::Transient, message);
    if never_connected(error) {
        return fault;
    }
    fault.unknown_effect()
}

fn never_connected(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        let refused = cause.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
                    | io::ErrorKind::AddrNotAvailable
            )
        });
        // Connectors have no types for these; where the words are missing the effect counts as
        // unknown, which is the safe side.
        let text = cause.to_string();
        refused || text.contains("dns error") || text.contains("connect timeout")
    })
}

/// An answer that the SDK could not read.
fn unreadable(status: u16, action: &str) -> Fault {
    match status {
        404 | 405 | 501 => unsupported(action),
        _ => Fault::new(
            FaultKind::Transient,
            format!("an answer with status {status} that cannot be read"),
        )
        .unknown_effect(),
    }
}

fn unsupported(action: &str) -> Fault {
    Fault::new(
        FaultKind::Unsupported,
        format!("the endpoint does not implement {action}"),
    )
}

fn answered(code: Option<&str>, status: u16, message: Option<&str>, action: &str) -> Fault {
    let (kind, executed) = classify(code, status);
    if kind == FaultKind::Unsupported {
        return unsupported(action);
    }
    let message = match (message, code) {
        (Some(message), _) if !message.trim().is_empty() => fragment(message),
        (_, Some(code)) => format!("refused with {code}"),
        (_, None) => format!("an answer with status {status}"),
    };
    Fault {
        executed,
        help: code.and_then(advice).map(str::to_owned),
        ..Fault::new(kind, message)
    }
}

/// The table: what an error code means, and whether the call may have had its effect.
pub(crate) fn classify(code: Option<&str>, status: u16) -> (FaultKind, Executed) {
    use FaultKind::{Denied, Invalid, NotFound, Throttled, Transient, Unsupported};
    let Some(code) = code else {
        return match status {
            429 => (Throttled, Executed::No),
            401 | 403 => (Denied, Executed::No),
            404 | 405 | 501 => (Unsupported, Executed::No),
            500.. => (Transient, Executed::Unknown),
            _ => (Invalid, Executed::No),
        };
    };
    if let Some(kind) = named(code) {
        return (kind, Executed::No);
    }
    if code.contains("NotFound") || code.starts_with("NoSuch") {
        return (NotFound, Executed::No);
    }
    if ["AlreadyExists", "Duplicate", ".InUse", "Conflict"]
        .iter()
        .any(|part| code.contains(part))
    {
        return (FaultKind::Conflict, Executed::No);
    }
    match code {
        "InternalError"
        | "InternalFailure"
        | "InternalServiceError"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Unavailable"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ServerInternal" => (Transient, Executed::Unknown),
        _ if status >= 500 => (Transient, Executed::Unknown),
        _ => (Invalid, Executed::No),
    }
}

/// Codes that say by themselves that nothing was carried out.
fn named(code: &str) -> Option<FaultKind> {
    Some(match code {
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "Throttled"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "EC2ThrottledException"
        | "BandwidthLimitExceeded"
        | "SlowDown"
        | "ConcurrentSnapshotLimitExceeded"
        | "SnapshotCreationPerVolumeRateExceeded"
        | "VolumeModificationRateExceeded" => FaultKind::Throttled,

        // Capacity comes back; the launch was refused as a whole.
        "InsufficientInstanceCapacity"
        | "InsufficientHostCapacity"
        | "InsufficientReservedInstanceCapacity"
        | "InsufficientCapacity"
        | "InsufficientVolumeCapacity"
        | "PendingVerification" => FaultKind::Transient,

        // Route 53 refuses a second change while one is pending; that is a wait, not a failure.
        "PriorRequestNotComplete"
        | "DependencyViolation"
        | "IncorrectState"
        | "IncorrectInstanceState"
        | "IncorrectModificationState"
        | "InvalidState"
        | "InvalidState.Transition"
        | "VolumeInUse"
        | "ResourceInUse"
        | "ResourceInUseException"
        | "ResourceInUseFault"
        | "Resource.AlreadyAssociated"
        | "OperationInProgress"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "ConcurrentAccess"
        | "HealthCheckVersionMismatch"
        | "HostedZoneNotEmpty"
        | "PriorityInUse" => FaultKind::Conflict,

        "UnauthorizedOperation"
        | "AuthFailure"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "Blocked"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "NotAuthorized"
        | "OperationNotPermitted"
        | "OptInRequired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => FaultKind::Denied,

        "NotImplemented"
        | "NotImplementedException"
        | "InvalidAction"
        | "UnknownOperation"
        | "UnknownOperationException" => FaultKind::Unsupported,

        "InvalidAMIID.Unavailable" | "InvalidTargetGroup.NotFound" => FaultKind::NotFound,

        // The same token for another request: an engine or an operator changed the inputs.
        "IdempotentParameterMismatch" | "IdempotentInstanceTerminated" => FaultKind::Invalid,
        _ => return None,
    })
}

fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError" => {
            "`runbook iam-policy FILE` prints the policy that the runbook needs"
        }
        "AuthFailure"
        | "InvalidClientTokenId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch" => HOW_TO_SIGN_IN,
        "OptInRequired" => "enable the region for the account first",
        "OperationNotPermitted" => "take the protection off first: aws.ec2.instance.protect",
        "DependencyViolation" => "something still uses it; delete or detach that first",
        "InsufficientInstanceCapacity" | "InsufficientCapacity" => {
            "wait, or choose another zone or instance type"
        }
        "IdempotentParameterMismatch" => "the inputs changed since an earlier attempt of this step",
        _ if code.ends_with("LimitExceeded") || code.starts_with("TooMany") => {
            "a quota of the account is used up; raise it or delete what is not needed"
        }
        _ => return None,
    })
}

/// AWS writes sentences; messages are lowercase fragments without a full stop.
fn fragment(sentence: &str) -> String {
    let text = sentence.trim().trim_end_matches('.');
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;
    use crate::aws::testing::context;

    const NO: Executed = Executed::No;
    const UNKNOWN: Executed = Executed::Unknown;

    #[test]
    fn every_code_has_its_meaning() {
        use FaultKind::*;
        let cases = [
            ("RequestLimitExceeded", 503, Throttled, NO),
            ("Throttling", 400, Throttled, NO),
            ("ThrottlingException", 400, Throttled, NO),
            ("SnapshotCreationPerVolumeRateExceeded", 400, Throttled, NO),
            ("InsufficientInstanceCapacity", 500, Transient, NO),
            ("InternalError", 500, Transient, UNKNOWN),
            ("InternalFailure", 500, Transient, UNKNOWN),
            ("ServiceUnavailable", 503, Transient, UNKNOWN),
            ("Unavailable", 503, Transient, UNKNOWN),
            ("SomethingNew", 502, Transient, UNKNOWN),
            ("PriorRequestNotComplete", 400, Conflict, NO),
            ("DependencyViolation", 400, Conflict, NO),
            ("IncorrectInstanceState", 400, Conflict, NO),
            ("VolumeInUse", 400, Conflict, NO),
            ("InvalidIPAddress.InUse", 400, Conflict, NO),
            ("Resource.AlreadyAssociated", 400, Conflict, NO),
            ("RouteAlreadyExists", 400, Conflict, NO),
            ("InvalidGroup.Duplicate", 400, Conflict, NO),
            ("InvalidSubnet.Conflict", 400, Conflict, NO),
            ("HostedZoneAlreadyExists", 409, Conflict, NO),
            ("DuplicateLoadBalancerName", 400, Conflict, NO),
            ("InvalidVpcID.NotFound", 400, NotFound, NO),
            (
                "InvalidLaunchTemplateName.NotFoundException",
                400,
                NotFound,
                NO,
            ),
            ("LoadBalancerNotFound", 400, NotFound, NO),
            ("NoSuchHostedZone", 404, NotFound, NO),
            ("NatGatewayNotFound", 400, NotFound, NO),
            ("UnauthorizedOperation", 403, Denied, NO),
            ("AccessDenied", 403, Denied, NO),
            ("ExpiredToken", 400, Denied, NO),
            ("OperationNotPermitted", 400, Denied, NO),
            ("InvalidParameterValue", 400, Invalid, NO),
            ("VpcLimitExceeded", 400, Invalid, NO),
            ("IdempotentParameterMismatch", 400, Invalid, NO),
            ("IdempotentInstanceTerminated", 400, Invalid, NO),
            ("InvalidChangeBatch", 400, Invalid, NO),
            ("NotImplemented", 501, Unsupported, NO),
            ("InvalidAction", 400, Unsupported, NO),
        ];
        for (code, status, kind, executed) in cases {
            assert_eq!(classify(Some(code), status), (kind, executed), "{code}");
        }
    }

    #[test]
    fn without_a_code_the_status_decides() {
        assert_eq!(classify(None, 429), (FaultKind::Throttled, NO));
        assert_eq!(classify(None, 403), (FaultKind::Denied, NO));
        assert_eq!(classify(None, 404), (FaultKind::Unsupported, NO));
        assert_eq!(classify(None, 400), (FaultKind::Invalid, NO));
        for status in [500, 502, 503, 504] {
            assert_eq!(classify(None, status), (FaultKind::Transient, UNKNOWN));
        }
    }

    fn raw(status: u16) -> HttpResponse {
        let status = StatusCode::try_from(status).unwrap();
        let mut raw = HttpResponse::new(status, SdkBody::empty());
        raw.headers_mut().insert("x-amzn-requestid", "req-1");
        raw
    }

    fn refused(code: &str, status: u16, message: &str) -> Fault {
        let error = ErrorMetadata::builder().code(code).message(message).build();
        explain(
            &SdkError::service_error(error, raw(status)),
            "ec2:CreateVpc",
            &context(),
        )
    }

    fn lost(error: SdkError<ErrorMetadata, HttpResponse>) -> Fault {
        explain(&error, "ec2:CreateVpc", &context())
    }

    #[test]
    fn a_refusal_says_where_it_came_from() {
        let fault = refused(
            "VpcLimitExceeded",
            400,
            "The maximum number of VPCs has been reached.",
        );
        assert_eq!(
            fault.to_string(),
            "ec2:CreateVpc in us-east-1: the maximum number of VPCs has been reached \
             (VpcLimitExceeded) [request req-1]"
        );
        assert!(fault.help.unwrap().contains("quota"));
    }

    #[test]
    fn what_the_endpoint_lacks_is_named() {
        let fault = refused("NotImplemented", 501, "nope");
        assert_eq!(fault.kind, FaultKind::Unsupported);
        assert_eq!(fault.message, "the endpoint does not implement CreateVpc");
        let fault = lost(SdkError::response_error("not CBOR", raw(404)));
        assert_eq!(fault.kind, FaultKind::Unsupported);
    }

    #[test]
    fn an_answer_that_cannot_be_read_leaves_the_effect_unknown() {
        let fault = lost(SdkError::response_error("not XML", raw(200)));
        assert_eq!(
            (fault.kind, fault.executed),
            (FaultKind::Transient, UNKNOWN)
        );
        let fault = lost(SdkError::timeout_error("too late"));
        assert_eq!(
            (fault.kind, fault.executed),
            (FaultKind::Transient, UNKNOWN)
        );
        assert_eq!(
            fault.message,
            "no answer from ec2.us-east-1.amazonaws.com in time"
        );
    }

    #[test]
    fn a_connection_that_never_was_had_no_effect_and_one_that_broke_may_have() {
        let io = |kind: io::ErrorKind| {
            let source = io::Error::from(kind).into();
            lost(SdkError::dispatch_failure(ConnectorError::io(source)))
        };
        let refused = io(io::ErrorKind::ConnectionRefused);
        assert_eq!((refused.kind, refused.executed), (FaultKind::Transient, NO));
        assert!(
            refused
                .message
                .starts_with("cannot reach ec2.us-east-1.amazonaws.com: ")
        );
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
            assert_eq!(io(kind).executed, UNKNOWN, "{kind}");
        }
    }

    #[test]
    fn missing_credentials_say_what_to_set() {
        let missing = CredentialsError::not_loaded_no_source();
        let fault = lost(SdkError::dispatch_failure(ConnectorError::other(
            missing.into(),
            None,
        )));
        assert_eq!(
            (fault.kind, fault.message.as_str()),
            (FaultKind::Denied, "no AWS credentials")
        );
        assert!(fault.help.unwrap().contains("AWS_PROFILE"));
    }

    #[test]
    fn expected_faults_become_nothing() {
        let missing: StepResult<()> = Err(refused("InvalidVpcID.NotFound", 400, "gone"));
        assert_eq!(missing.or_absent(), Ok(None));
        let twice: StepResult<()> = Err(refused("RouteAlreadyExists", 400, "there"));
        assert_eq!(twice.clone().or_code(&["RouteAlreadyExists"]), Ok(None));
        assert!(twice.or_absent().is_err());
        assert_eq!(Ok::<_, Fault>(1).or_absent(), Ok(Some(1)));
    }

    #[test]
    fn sentences_become_fragments() {
        assert_eq!(fragment("The VPC is in use."), "the VPC is in use");
        assert_eq!(fragment("VPC vpc-1 is in use"), "VPC vpc-1 is in use");
        assert_eq!(fragment(""), "");
    }
}
