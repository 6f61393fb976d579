//! The state of an alarm survives what does not concern it.
//!
//! "When you update an existing alarm, its state is left unchanged."
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>;
//! moto sets it back to `OK`. A new alarm begins as `OK` in moto, and is left
//! so: at AWS it begins as `INSUFFICIENT_DATA` and moves on with the first
//! evaluation, which the sandbox does not have.
//!
//! "SetAlarmState … temporarily sets the state", until the next evaluation: an
//! alarm that a fault holds goes back to the fault's state.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html>

use super::{Settled, forward};
use crate::account::DEFAULT_ACCOUNT;
use crate::call::Call;
use crate::fault::{AlarmState, Fault, Kind};
use crate::wire::xml;
use crate::world::{Service, World};

const RULE: &str = "alarm_state";

/// `PutMetricAlarm` or `SetAlarmState`.
pub(super) async fn write(world: &World, call: &Call) -> Settled {
    let name = match call.member("AlarmName") {
        "" => call.param("AlarmName"),
        name => name,
    }
    .to_owned();
    let place = [call.account.as_str(), call.region.as_str()];
    let _turn = world.locks.hold(&[RULE, place[0], place[1], &name]).await;
    let before = if call.operation == "PutMetricAlarm" {
        state_of(world, place, &name).await
    } else {
        None
    };
    let mut settled = forward(world, call).await;
    if !settled.reply.status.is_success() {
        return settled;
    }
    if let Some((key, state)) = world.faults.alarm(place[0], place[1], &name) {
        world.faults.hit(place[0], &key);
        set(world, place, &name, State::injected(state)).await;
        settled.rule = Some(crate::proxy::fault_rule(&key));
    } else if let Some(state) = before {
        set(world, place, &name, state).await;
        settled.rule = Some(RULE.into());
    }
    settled
}

/// Puts the alarm of a new fault into its state.
pub(crate) async fn hold(world: &World, fault: &Fault) {
    if let Kind::Alarm {
        name,
        state,
        region,
    } = &fault.fault
    {
        let place = [
            fault.account.as_deref().unwrap_or(DEFAULT_ACCOUNT),
            region.as_str(),
        ];
        set(world, place, name, State::injected(*state)).await;
    }
}

/// Lets the alarm of a cleared fault recover.
pub(crate) async fn release(world: &World, fault: &Fault) {
    if let Kind::Alarm { name, region, .. } = &fault.fault {
        let place = [
            fault.account.as_deref().unwrap_or(DEFAULT_ACCOUNT),
            region.as_str(),
        ];
        let state = State {
            value: AlarmState::Ok.as_str().into(),
            reason: "released by the sandbox".into(),
        };
        set(world, place, name, state).await;
    }
}

struct State {
    value: String,
    reason: String,
}

impl State {
    fn injected(state: AlarmState) -> State {
        State {
            value: state.as_str().into(),
            reason: "injected by the sandbox".into(),
        }
    }
}

async fn state_of(world: &World, place: [&str; 2], name: &str) -> Option<State> {
    let params = [("AlarmNames.member.1", name)];
    let reply = world
        .ask_at(place, Service::CloudWatch, "DescribeAlarms", &params)
        .await;
    let value = xml::first(reply.text(), "StateValue")?;
    let reason = xml::first(reply.text(), "StateReason").unwrap_or_default();
    Some(State { value, reason })
}

/// Fails in silence if there is no such alarm (yet).
async fn set(world: &World, place: [&str; 2], name: &str, state: State) {
    let params = [
        ("AlarmName", name),
        ("StateValue", &state.value),
        ("StateReason", &state.reason),
    ];
    world
        .ask_at(place, Service::CloudWatch, "SetAlarmState", &params)
        .await;
}
