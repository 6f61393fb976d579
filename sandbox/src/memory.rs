//! What the proxy remembers and moto does not.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedMutexGuard;

use crate::http::Reply;

/// An answer that was given, with the request that it was given to.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// The request's parameters, as far as they count.
    pub(crate) asked: BTreeMap<String, String>,
    /// The answer.
    pub(crate) reply: Reply,
}

/// Everything that a reset forgets. Keys begin with the account.
#[derive(Default)]
pub(crate) struct Memory {
    /// By account, region, operation and token.
    pub(crate) tokens: HashMap<[String; 4], Given>,
    /// By account, operation and caller reference.
    pub(crate) references: HashMap<[String; 3], Given>,
    /// Settings of load balancing resources: by account, region, operation and natural key.
    pub(crate) settings: HashMap<[String; 4], BTreeMap<String, String>>,
    /// Detailed monitoring: by account and instance.
    pub(crate) monitoring: HashMap<[String; 2], bool>,
    /// Zones of subnets and instances: by account and id. They never change.
    pub(crate) zones: HashMap<[String; 2], String>,
    /// Accounts of access keys that the sandbox issued.
    pub(crate) keys: HashMap<String, String>,
    /// When something began to change: by account and id.
    births: HashMap<[String; 2], Instant>,
}

impl Memory {
    /// Remembers of `to` what is remembered of `from`, as if it had happened there.
    pub(crate) fn copy(&mut self, from: &str, to: &str) {
        let renamed = |text: &String| text.replace(from, to);
        let given = |given: &Given| {
            let mut given = given.clone();
            for value in given.asked.values_mut() {
                *value = renamed(value);
            }
            given.reply.body = given.reply.text().replace(from, to).into();
            given
        };
        copy(&mut self.tokens, (from, to), given);
        copy(&mut self.references, (from, to), given);
        copy(&mut self.settings, (from, to), |settings| {
            let pairs = settings.iter();
            pairs
                .map(|(key, value)| (key.clone(), renamed(value)))
                .collect()
        });
        copy(&mut self.monitoring, (from, to), |on| *on);
        copy(&mut self.zones, (from, to), String::clone);
        copy(&mut self.births, (from, to), |birth| *birth);
    }

    /// Notes that something begins now.
    pub(crate) fn begin(&mut self, account: &str, id: &str) {
        self.births
            .insert([account.to_owned(), id.to_owned()], Instant::now());
    }

    /// Forgets when something began.
    pub(crate) fn end(&mut self, account: &str, id: &str) {
        self.births.remove(&[account.to_owned(), id.to_owned()]);
    }

    /// How long ago something began.
    pub(crate) fn age(&self, account: &str, id: &str) -> Option<Duration> {
        self.births
            .get(&[account.to_owned(), id.to_owned()])
            .map(Instant::elapsed)
    }

    /// What stands under `prefix` and began less than `ms` ago, without the prefix.
    pub(crate) fn young_under(&self, account: &str, prefix: &str, ms: u64) -> Vec<String> {
        let limit = Duration::from_millis(ms);
        let young = self
            .births
            .iter()
            .filter(|([of, _], birth)| of == account && birth.elapsed() < limit);
        let mut names: Vec<String> = young
            .filter_map(|([_, id], _)| id.strip_prefix(prefix).map(str::to_owned))
            .collect();
        names.sort();
        names
    }

    /// Whether something began less than `ms` ago.
    pub(crate) fn is_young(&self, account: &str, id: &str, ms: u64) -> bool {
        self.age(account, id)
            .is_some_and(|age| age < Duration::from_millis(ms))
    }
}

/// Enters what stands under the account `from` under `to` as well; names hold the account too.
fn copy<const N: usize, T>(
    map: &mut HashMap<[String; N], T>,
    (from, to): (&str, &str),
    value: impl Fn(&T) -> T,
) {
    let ours = map.iter().filter(|(key, _)| key[0] == from);
    let copies: Vec<([String; N], T)> = ours
        .map(|(key, one)| (key.clone().map(|part| part.replace(from, to)), value(one)))
        .collect();
    map.extend(copies);
}

/// Locks by name: calls about one thing wait for each other, as at AWS.
#[derive(Default)]
pub(crate) struct Locks {
    by_name: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Locks {
    /// Waits until nobody else holds `name`.
    pub(crate) async fn hold(&self, name: &[&str]) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
            if locks.len() > 4_096 {
                locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            }
            Arc::clone(locks.entry(name.join("\n")).or_default())
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    #[test]
    fn a_copied_account_remembers_the_same() {
        let (from, to) = ("000000000001", "000000000002");
        let mut memory = Memory::default();
        memory.begin(from, "arn:aws:x:us-east-1:000000000001:y");
        memory.begin("000000000003", "other");
        memory
            .monitoring
            .insert([from.to_owned(), "i-1".to_owned()], true);
        memory.copy(from, to);
        assert!(
            memory
                .age(to, "arn:aws:x:us-east-1:000000000002:y")
                .is_some()
        );
        assert!(
            memory
                .age(from, "arn:aws:x:us-east-1:000000000001:y")
                .is_some()
        );
        assert!(memory.age(to, "other").is_none());
        assert!(memory.monitoring[&[to.to_owned(), "i-1".to_owned()]]);
    }
}
