//! Which cases a sweep tries.

use std::fmt;

use crate::args::{Only, TestArgs};
use crate::failure::Failure;

/// One disturbance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Case {
    /// The process dies at this place.
    Crash {
        /// Its number.
        number: usize,
        /// Its name.
        place: String,
    },
    /// The call takes effect and its answer is lost.
    Lost {
        /// Number among the calls that change something.
        number: usize,
        /// The service.
        service: String,
        /// The operation.
        operation: String,
        /// Calls of the same operation before it.
        skip: u64,
    },
}

impl Case {
    pub(super) fn is_crash(&self) -> bool {
        matches!(self, Self::Crash { .. })
    }

    /// The place, for people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Crash { place, .. } => place.clone(),
            Self::Lost {
                service, operation, ..
            } => format!("{service}:{operation}"),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { number, .. } => write!(f, "crash:{number}"),
            Self::Lost { number, .. } => write!(f, "lost:{number}"),
        }
    }
}

/// What an undisturbed run came by.
#[derive(Debug)]
pub(super) struct Calm {
    /// Its exit code.
    pub(super) code: u8,
    /// What is in its account afterwards.
    pub(super) inventory: String,
    /// How often it did what leaves no trace there: operation and count.
    pub(super) unseen: Vec<(&'static str, usize)>,
    /// The places that its own run reached: number and name.
    pub(super) points: Vec<(usize, String)>,
    /// The calls of its own run that changed something: service, operation, equal ones before.
    pub(super) calls: Vec<(String, String, u64)>,
}

/// The cases to try, and of how many.
pub(super) struct Plan {
    pub(super) points: usize,
    pub(super) calls: usize,
    pub(super) cases: Vec<Case>,
}

impl Plan {
    /// # Errors
    /// A case that the undisturbed run has not.
    pub(super) fn of(calm: &Calm, args: &TestArgs) -> Result<Self, Failure> {
        let crashes = calm.points.iter().map(|(number, place)| Case::Crash {
            number: *number,
            place: place.clone(),
        });
        let calls = calm.calls.iter().enumerate();
        let lost = calls.map(|(index, (service, operation, skip))| Case::Lost {
            number: index + 1,
            service: service.clone(),
            operation: operation.clone(),
            skip: *skip,
        });
        let cases = match &args.case {
            None => {
                let mut cases = Vec::new();
                if args.only != Some(Only::Lost) {
                    cases.extend(spread(crashes.collect(), args.limit, args.seed));
                }
                if args.only != Some(Only::Crash) {
                    cases.extend(spread(lost.collect(), args.limit, args.seed));
                }
                cases
            }
            Some(wanted) => {
                let mut all = crashes.chain(lost);
                let found = all.find(|case| case.to_string() == *wanted);
                vec![found.ok_or_else(|| {
                    Failure::usage(format!("the undisturbed run has no case `{wanted}`")).help(
                        format!(
                            "it has {} crash points (`crash:N`, as --json names them) and lost:1 to lost:{}",
                            calm.points.len(),
                            calm.calls.len()
                        ),
                    )
                })?]
            }
        };
        Ok(Self {
            points: calm.points.len(),
            calls: calm.calls.len(),
            cases,
        })
    }
}

/// At most `limit` of them, evenly over all: one of each of as many parts of equal length, the first one
/// or the one that the seed chooses. All when there is no limit.
fn spread(cases: Vec<Case>, limit: Option<usize>, seed: Option<u64>) -> Vec<Case> {
    let Some(limit) = limit.filter(|limit| *limit < cases.len()) else {
        return cases;
    };
    let count = cases.len();
    (0..limit)
        .map(|part| {
            let (first, next) = (part * count / limit, (part + 1) * count / limit);
            let chosen = seed.map_or(0, |seed| chance(seed, part) % (next - first));
            cases[first + chosen].clone()
        })
        .collect()
}

/// A number that looks random and is the same for the same seed (splitmix64).
fn chance(seed: u64, part: usize) -> usize {
    let mut z = seed.wrapping_add((part as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    // Half of the bits fit into a number of any machine.
    usize::try_from((z ^ (z >> 31)) >> 33).unwrap_or_default()
}

/// Whether an operation changes something, by its name.
pub(super) fn changes(operation: &str) -> bool {
    let reads = [
        "Describe", "Get", "List", "Assume", "Head", "Test", "Search",
    ];
    !reads.iter().any(|word| operation.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_spreads_over_the_whole_run() {
        let case = |number: usize| Case::Crash {
            number,
            place: "journal.sync".to_owned(),
        };
        let all: Vec<Case> = (1..=10).map(case).collect();
        assert_eq!(spread(all.clone(), None, None), all);
        assert_eq!(spread(all.clone(), Some(20), Some(1)), all);
        let few = |seed| {
            let cases = spread(all.clone(), Some(4), seed);
            let names: Vec<String> = cases.iter().map(ToString::to_string).collect();
            names
        };
        assert_eq!(few(None), ["crash:1", "crash:3", "crash:6", "crash:8"]);
        assert_eq!(few(Some(7)), few(Some(7)));
        let mut seen: Vec<String> = (0..40).flat_map(|seed| few(Some(seed))).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 10, "many seeds come everywhere: {seen:?}");
    }

    #[test]
    fn reading_operations_change_nothing() {
        assert!(changes("CreateVpc") && changes("ModifyVpcAttribute") && changes("Publish"));
        assert!(!changes("DescribeVpcs") && !changes("ListHostedZones") && !changes("GetChange"));
    }
}
