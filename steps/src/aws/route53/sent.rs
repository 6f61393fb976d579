//! Changes on their way to Route 53's servers.
//!
//! A change is asked for again and again until it has arrived everywhere. Its id is kept in memory
//! only: after a restart the records themselves show that the change was accepted, and that is all
//! that can be known without sending another one.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use aws_sdk_route53::types::{ChangeInfo, ChangeStatus};
use runbook_step::{Context, Progress, StepResult};

use crate::aws::client::Route53;
use crate::aws::fault::{Expect, Explain};

/// Change ids by the token of the step that sent them.
static SENT: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

/// Notes that the step has sent a change.
pub(super) fn remember(context: &Context, info: Option<&ChangeInfo>) {
    if let (Some(info), Ok(mut sent)) = (info, SENT.lock()) {
        sent.insert(context.token.clone(), info.id().to_owned());
    }
}

/// The id of the step's change, for one that does not wait for it.
pub(super) fn forget(context: &Context) -> Option<String> {
    let id = SENT.lock().ok()?.remove(&context.token)?;
    Some(bare(&id).to_owned())
}

/// Done with the id of the step's change, if it is known, when that has arrived everywhere.
pub(super) async fn arrived(
    route53: &Route53,
    context: &Context,
) -> StepResult<Progress<Option<String>>> {
    let sent = SENT
        .lock()
        .ok()
        .and_then(|sent| sent.get(&context.token).cloned());
    let Some(id) = sent else {
        return Ok(Progress::Done(None));
    };
    let answer = route53
        .get_change()
        .id(&id)
        .send()
        .await
        .explain("route53:GetChange", context)
        .or_absent()?;
    let status = answer
        .and_then(|answer| answer.change_info)
        .map(|info| info.status);
    if status == Some(ChangeStatus::Pending) {
        return Ok(Progress::Again {
            after: Duration::from_secs(3),
            note: format!("change {} is on its way to all DNS servers", bare(&id)),
        });
    }
    Ok(Progress::Done(forget(context)))
}

/// An id without its kind: `Z1` of `/hostedzone/Z1`.
pub(super) fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}
