//! The faults in force, and which of them meet a call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use regex::Regex;

use crate::account::{self, DEFAULT_ACCOUNT};
use crate::call::Call;
use crate::fault::{ActiveFault, AlarmState, Calls, Fault, Kind};
use crate::wire::same_service;

/// The faults in force.
#[derive(Default)]
pub(crate) struct Faults {
    active: Mutex<Vec<Active>>,
}

struct Active {
    fault: Fault,
    since: Timestamp,
    hits: u64,
    /// Calls that matched, spared ones included.
    seen: u64,
    operation: Option<Regex>,
    body: Option<Regex>,
}

/// What the faults do to one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) delay: Duration,
    /// Instead of the call.
    pub(crate) before: Option<(Before, String)>,
    /// After the call took effect; the silence before the break.
    pub(crate) after: Option<(Duration, String)>,
}

/// What happens instead of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Lost,
    Throttled,
    Broken,
    Denied,
    RegionDown,
}

/// Targets that are said to be unhealthy.
pub(crate) struct Unhealthy {
    pub(crate) key: String,
    pub(crate) target_group: String,
    pub(crate) targets: Vec<String>,
    pub(crate) reason: String,
}

impl Faults {
    /// Puts a fault in force. The flag says whether it is new: the same key
    /// again changes nothing.
    pub(crate) fn inject(&self, fault: Fault) -> Result<(ActiveFault, bool), String> {
        if fault
            .account
            .as_deref()
            .is_some_and(|account| !account::is_valid(account))
        {
            return Err("an account has 12 digits".into());
        }
        let mut list = self.list();
        if let Some(old) = list
            .iter()
            .find(|active| active.is(account_of(&fault), &fault.key))
        {
            return Ok((old.public(), false));
        }
        let active = Active::new(fault)?;
        let public = active.public();
        list.push(active);
        Ok((public, true))
    }

    /// Ends a fault.
    pub(crate) fn clear(&self, account: &str, key: &str) -> Option<ActiveFault> {
        let mut list = self.list();
        let index = list.iter().position(|active| active.is(account, key))?;
        Some(list.remove(index).public())
    }

    /// Ends all faults of one account.
    pub(crate) fn clear_account(&self, account: &str) -> Vec<ActiveFault> {
        let mut list = self.list();
        let (gone, kept) = list
            .drain(..)
            .partition(|active| account_of(&active.fault) == account);
        *list = kept;
        gone.iter().map(Active::public).collect()
    }

    /// Ends all faults of all accounts.
    pub(crate) fn clear_all(&self) {
        self.list().clear();
    }

    /// All faults in force, oldest first.
    pub(crate) fn all(&self) -> Vec<ActiveFault> {
        self.list().iter().map(Active::public).collect()
    }

    /// What meets `call`, counted as met.
    pub(crate) fn strike(&self, call: &Call) -> Strike {
        let mut strike = Strike::default();
        for active in self.list().iter_mut() {
            if strike.before.is_some() {
                break;
            }
            if active.meets(call) {
                strike.add(&active.fault);
            }
        }
        strike
    }

    /// The fault's key if this zone is down.
    pub(crate) fn zone_down(&self, account: &str, zone: &str) -> Option<String> {
        self.first(account, |kind| {
            matches!(kind, Kind::ZoneDown { zone: down } if down == zone).then_some(())
        })
        .map(|(key, ())| key)
    }

    /// Whether any zone is down.
    pub(crate) fn any_zone_down(&self, account: &str) -> bool {
        self.first(account, |kind| {
            matches!(kind, Kind::ZoneDown { .. }).then_some(())
        })
        .is_some()
    }

    /// How long what is new stays unseen.
    pub(crate) fn stale(&self, account: &str) -> Option<(String, u64)> {
        self.first(account, |kind| match kind {
            Kind::StaleReads { ms } => Some(*ms),
            _ => None,
        })
    }

    /// The state that a fault holds an alarm in.
    pub(crate) fn alarm(
        &self,
        account: &str,
        region: &str,
        alarm: &str,
    ) -> Option<(String, AlarmState)> {
        self.first(account, |kind| match kind {
            Kind::Alarm {
                name,
                state,
                region: place,
            } if name == alarm && place == region => Some(*state),
            _ => None,
        })
    }

    /// The targets that faults make unhealthy.
    pub(crate) fn unhealthy(&self, account: &str) -> Vec<Unhealthy> {
        let list = self.list();
        let of_account = list
            .iter()
            .filter(|active| account_of(&active.fault) == account);
        of_account
            .filter_map(|active| match &active.fault.fault {
                Kind::UnhealthyTargets {
                    target_group,
                    targets,
                    reason,
                } => Some(Unhealthy {
                    key: active.fault.key.clone(),
                    target_group: target_group.clone(),
                    targets: targets.clone(),
                    reason: reason.clone().unwrap_or_else(|| "Target.Timeout".into()),
                }),
                _ => None,
            })
            .collect()
    }

    /// Counts a call that a fault has changed.
    pub(crate) fn hit(&self, account: &str, key: &str) {
        if let Some(active) = self
            .list()
            .iter_mut()
            .find(|active| active.is(account, key))
        {
            active.hits += 1;
        }
    }

    fn first<T>(&self, account: &str, pick: impl Fn(&Kind) -> Option<T>) -> Option<(String, T)> {
        let list = self.list();
        let mut of_account = list
            .iter()
            .filter(|active| account_of(&active.fault) == account);
        of_account.find_map(|active| Some((active.fault.key.clone(), pick(&active.fault.fault)?)))
    }

    fn list(&self) -> MutexGuard<'_, Vec<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    fn new(fault: Fault) -> Result<Active, String> {
        let calls = calls_of(&fault.fault);
        let operation = compile(
            calls
                .and_then(|calls| calls.operation.as_deref())
                .map(|text| format!("^(?:{text})$")),
        )?;
        let body = compile(calls.and_then(|calls| calls.body.clone()))?;
        Ok(Active {
            since: Timestamp::now(),
            hits: 0,
            seen: 0,
            operation,
            body,
            fault,
        })
    }

    fn is(&self, account: &str, key: &str) -> bool {
        account_of(&self.fault) == account && self.fault.key == key
    }

    fn public(&self) -> ActiveFault {
        ActiveFault {
            fault: self.fault.clone(),
            since: self.since,
            hits: self.hits,
        }
    }

    fn meets(&mut self, call: &Call) -> bool {
        if account_of(&self.fault) != call.account {
            return false;
        }
        if let Kind::RegionDown { region } = &self.fault.fault {
            let met = *region == call.region && !is_global(&call.service);
            self.hits += u64::from(met);
            return met;
        }
        let Some(calls) = calls_of(&self.fault.fault) else {
            return false;
        };
        if !self.selects(calls, call) {
            return false;
        }
        let spared = self.seen < calls.skip;
        let spent = calls.times.is_some_and(|times| self.hits >= times);
        self.seen += 1;
        let met = !spared && !spent;
        self.hits += u64::from(met);
        met
    }

    fn selects(&self, calls: &Calls, call: &Call) -> bool {
        calls
            .service
            .as_deref()
            .is_none_or(|service| same_service(service, &call.service))
            && calls
                .region
                .as_deref()
                .is_none_or(|region| region == call.region)
            && self
                .operation
                .as_ref()
                .is_none_or(|operation| operation.is_match(&call.operation))
            && self
                .body
                .as_ref()
                .is_none_or(|body| body.is_match(&String::from_utf8_lossy(&call.request.body)))
    }
}

impl Strike {
    fn add(&mut self, fault: &Fault) {
        let before = |what| Some((what, fault.key.clone()));
        match &fault.fault {
            Kind::Delay { ms, .. } => self.delay += Duration::from_millis(*ms),
            Kind::LostRequest { .. } => self.before = before(Before::Lost),
            Kind::Throttle { .. } => self.before = before(Before::Throttled),
            Kind::ServerError { .. } => self.before = before(Before::Broken),
            Kind::AccessDenied { .. } => self.before = before(Before::Denied),
            Kind::RegionDown { .. } => self.before = before(Before::RegionDown),
            Kind::LostAnswer { .. } => self.after = Some((Duration::ZERO, fault.key.clone())),
            Kind::Hang { seconds, .. } => {
                self.after = Some((Duration::from_secs(*seconds), fault.key.clone()))
            }
            Kind::UnhealthyTargets { .. }
            | Kind::ZoneDown { .. }
            | Kind::StaleReads { .. }
            | Kind::Alarm { .. } => {}
        }
    }
}

/// Route 53 and IAM have no region; their scope says `us-east-1` all the same.
fn is_global(service: &str) -> bool {
    matches!(service, "route53" | "iam")
}

fn account_of(fault: &Fault) -> &str {
    fault.account.as_deref().unwrap_or(DEFAULT_ACCOUNT)
}

fn calls_of(kind: &Kind) -> Option<&Calls> {
    match kind {
        Kind::LostAnswer { on }
        | Kind::LostRequest { on }
        | Kind::Hang { on, .. }
        | Kind::Throttle { on }
        | Kind::ServerError { on }
        | Kind::AccessDenied { on }
        | Kind::Delay { on, .. } => Some(on),
        Kind::UnhealthyTargets { .. }
        | Kind::ZoneDown { .. }
        | Kind::RegionDown { .. }
        | Kind::StaleReads { .. }
        | Kind::Alarm { .. } => None,
    }
}

fn compile(pattern: Option<String>) -> Result<Option<Regex>, String> {
    pattern
        .map(|text| Regex::new(&text))
        .transpose()
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ::http::Method;

    use super::*;
    use crate::call::set;
    use crate::http::Request;

    fn call(operation: &str) -> Call {
        let mut request = Request::new(Method::POST, format!("/?Action={operation}"));
        set(
            &mut request,
            "authorization",
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ec2/aws4_request",
        );
        Call::read(request, |_| None)
    }

    fn fault(key: &str, kind: Kind) -> Fault {
        Fault {
            key: key.into(),
            account: None,
            fault: kind,
        }
    }

    #[test]
    fn a_call_fault_spares_then_meets_then_is_spent() {
        let faults = Faults::default();
        let on = Calls {
            operation: Some("Run.*".into()),
            skip: 1,
            times: Some(2),
            ..Calls::default()
        };
        faults.inject(fault("k", Kind::Throttle { on })).unwrap();
        let met: Vec<bool> = (0..5)
            .map(|_| faults.strike(&call("RunInstances")).before.is_some())
            .collect();
        assert_eq!(met, [false, true, true, false, false]);
        assert_eq!(faults.strike(&call("DryRunInstances")), Strike::default());
        assert_eq!(faults.all()[0].hits, 2);
    }

    #[test]
    fn the_same_key_again_keeps_the_first() {
        let faults = Faults::default();
        let (first, fresh) = faults
            .inject(fault(
                "k",
                Kind::ZoneDown {
                    zone: "us-east-1a".into(),
                },
            ))
            .unwrap();
        assert!(fresh);
        let (second, fresh) = faults
            .inject(fault(
                "k",
                Kind::ZoneDown {
                    zone: "us-east-1b".into(),
                },
            ))
            .unwrap();
        assert!(!fresh);
        assert_eq!(first, second);
        assert!(faults.zone_down(DEFAULT_ACCOUNT, "us-east-1b").is_none());
        assert!(faults.clear(DEFAULT_ACCOUNT, "k").is_some());
        assert!(faults.all().is_empty());
    }

    #[test]
    fn another_account_is_spared() {
        let faults = Faults::default();
        let mut other = fault(
            "k",
            Kind::RegionDown {
                region: "us-east-1".into(),
            },
        );
        other.account = Some("000000000042".into());
        faults.inject(other).unwrap();
        assert_eq!(faults.strike(&call("RunInstances")), Strike::default());
    }

    #[test]
    fn a_wrong_pattern_is_refused() {
        let on = Calls {
            operation: Some("(".into()),
            ..Calls::default()
        };
        assert!(
            Faults::default()
                .inject(fault("k", Kind::Throttle { on }))
                .is_err()
        );
    }
}
