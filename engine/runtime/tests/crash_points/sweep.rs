//! Plays many cases at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use runbook_runtime::fail;

use crate::case::{Baseline, Case, Played, baseline};
use crate::ledger::Trouble;
use crate::scenario::{self, Scenario};

/// Processes that are started at once, besides what they do themselves.
const HANDS: usize = 2;

/// Double crashes of a scenario that one seed chooses.
const SAMPLE: usize = 4;

/// Of the many cases that are much alike, one in so many is chosen by each seed, another one each time.
const SPARSE: usize = 5;

/// What came of many cases.
#[derive(Debug, Default)]
pub struct Tally {
    pub cases: usize,
    /// Cases in which a process died, and in which a second one did.
    pub crashes: usize,
    pub double: usize,
    pub in_doubt: usize,
    pub stops: usize,
    pub refused: usize,
    pub copies: usize,
    pub points: std::collections::BTreeSet<String>,
    /// What did not hold.
    pub wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, played: Result<Played, String>) {
        self.cases += 1;
        match played {
            Ok(played) => {
                self.crashes += usize::from(played.deaths > 0);
                self.double += usize::from(played.deaths > 1);
                self.in_doubt += played.in_doubt;
                self.stops += played.stops;
                self.refused += played.refused;
                self.copies += played.copies;
                self.points.extend(played.points);
            }
            Err(why) => self.wrong.push(why),
        }
    }

    fn add_all(&mut self, other: &Self) {
        self.cases += other.cases;
        self.crashes += other.crashes;
        self.double += other.double;
        self.in_doubt += other.in_doubt;
        self.stops += other.stops;
        self.refused += other.refused;
        self.copies += other.copies;
        self.points.extend(other.points.iter().cloned());
        self.wrong.extend(other.wrong.iter().cloned());
    }

    /// One line of all that was done; the last one that is printed is of all sweeps.
    fn summary(&self) -> String {
        format!(
            "crash points: {} registered, {} reached; {} scenarios, {} cases: {} crashes, {} double crashes, {} two-owner stops ({} inside a write), {} copies; doubled {}, lost {}, in doubt {}",
            fail::POINTS.len(),
            self.points.len(),
            scenario::all().count(),
            self.cases,
            self.crashes,
            self.double,
            self.stops,
            self.refused,
            self.copies,
            self.count("doubled:"),
            self.count("lost:"),
            self.in_doubt,
        )
    }

    /// Cases that fail with this word.
    fn count(&self, word: &str) -> usize {
        self.wrong.iter().filter(|why| why.contains(word)).count()
    }

    /// Fails with everything that did not hold.
    pub fn hold(&self) {
        let shown: Vec<&str> = self.wrong.iter().take(12).map(String::as_str).collect();
        assert!(
            self.wrong.is_empty(),
            "{} of {} cases do not hold:\n{}",
            self.wrong.len(),
            self.cases,
            shown.join("\n")
        );
    }
}

/// One sweep after the other, since the tests of this binary share two cores; and all that was swept.
static TOTAL: Mutex<Option<Tally>> = Mutex::new(None);

/// Something that can be played.
pub trait Play: Sync {
    /// Plays it. The error says what did not hold.
    fn play(&self) -> Result<Played, String>;
}

/// Plays every case.
pub fn play<T: Play>(cases: &[T]) -> Tally {
    play_with(HANDS, cases)
}

/// Plays cases that mostly wait, more of them at once.
pub fn play_waiting<T: Play>(cases: &[T]) -> Tally {
    play_with(4 * HANDS, cases)
}

fn play_with<T: Play>(hands: usize, cases: &[T]) -> Tally {
    let mut total = TOTAL.lock().unwrap_or_else(PoisonError::into_inner);
    let (tally, next) = (Mutex::new(Tally::default()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..hands {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let played = case.play();
                    tally.lock().unwrap().add(played);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    let total = total.get_or_insert_with(Tally::default);
    total.add_all(&tally);
    println!("so far: {}", total.summary());
    tally
}

/// What each seed chooses of cases that are much alike; as many seeds choose them all.
fn sparse<T>(cases: Vec<T>, seeds: u64) -> Vec<T> {
    let chosen = |index: usize| (index % SPARSE) < usize::try_from(seeds).unwrap_or(SPARSE);
    let cases = cases.into_iter().enumerate();
    cases.filter(|one| chosen(one.0)).map(|one| one.1).collect()
}

/// One crash at every point of every scenario, and one beyond the last: a run that is disturbed in
/// another order may have more. Until its run is claimed each scenario passes the same points, in the
/// same state: those are tried with the first one, and with all of them in longer searches.
pub fn every_point(seeds: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, scenario) in scenario::all().enumerate() {
        let undisturbed = baseline(scenario);
        let points = undisturbed.points.len();
        let first = if number == 0 || seeds > 1 {
            1
        } else {
            prologue(&undisturbed)
        };
        cases.extend((first..=points + 1).map(|point| Case {
            crashes: vec![point],
            ..Case::of(scenario)
        }));
    }
    cases
}

/// A small generator, so that one seed names one choice.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

/// The points that a process passes before it drives a new run; all scenarios share them.
fn prologue(baseline: &Baseline) -> usize {
    let claimed = |name: &String| name == "claim.recorded";
    baseline.points.iter().position(claimed).unwrap() + 1
}

/// A second crash while the first is mended: every pair of small scenarios, a choice of the others.
pub fn second_crashes(seed: u64, seeds: u64) -> Vec<Case> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut cases = Vec::new();
    for scenario in scenario::all() {
        let undisturbed = baseline(scenario);
        let (points, prologue) = (undisturbed.points.len(), prologue(&undisturbed));
        let pairs: Vec<(usize, usize)> = if scenario.every_pair && seed == 1 {
            // The second process passes its own prologue and what is left of the run.
            let last = |first: usize| points - first + prologue + 2;
            let pairs = (prologue..=points)
                .flat_map(|first| (1..=last(first)).map(move |second| (first, second)));
            sparse(pairs.collect(), seeds)
        } else {
            let wide = points - prologue;
            let count = if scenario.hidden.1 > 0 { 2 } else { SAMPLE };
            (0..count)
                .map(|_| (prologue + dice.roll(wide), 1 + dice.roll(wide)))
                .collect()
        };
        cases.extend(pairs.into_iter().map(|(first, second)| Case {
            crashes: vec![first, second],
            threads: (first + second) % 2 == 0,
            ..Case::of(scenario)
        }));
    }
    cases
}

fn chain() -> (&'static Scenario, Baseline) {
    let scenario = scenario::find("chain").unwrap();
    (scenario, baseline(scenario))
}

/// Each trouble at each call of the chain, without a crash.
pub fn every_trouble(seeds: u64) -> Vec<Case> {
    let (scenario, undisturbed) = chain();
    let mut cases = Vec::new();
    let calls = || 1..=undisturbed.calls;
    for trouble in [
        Trouble::Dropped,
        Trouble::Lost,
        Trouble::Twice,
        Trouble::Throttled,
        Trouble::Hidden(30),
        Trouble::Late(700),
    ] {
        let late = matches!(trouble, Trouble::Late(_));
        cases.extend(calls().map(|call| Case {
            troubles: vec![(0, call, trouble)],
            // Past the step's deadline: the run fails, and is given another chance.
            timeout: late.then_some(350),
            reopen: if late { 5 } else { 0 },
            settle: if matches!(trouble, Trouble::Hidden(_)) {
                1_000
            } else {
                0
            },
            ..Case::of(scenario)
        }));
    }
    // Half of them: each call has each second trouble.
    let chosen =
        |(index, _): &(usize, Case)| seeds > 1 || index % 2 == (index / undisturbed.calls) % 2;
    let cases = cases.into_iter().enumerate();
    cases.filter(chosen).map(|one| one.1).collect()
}

/// A crash at each point of the chain, and trouble with the first call of the process that mends it.
pub fn trouble_after_a_crash(seeds: u64) -> Vec<Case> {
    let (scenario, undisturbed) = chain();
    let each = |point: usize| {
        let broken = [Trouble::Dropped, Trouble::Lost][point % 2];
        [Trouble::Throttled, Trouble::Denied, broken].map(|trouble| Case {
            crashes: vec![point],
            troubles: vec![(1, 1, trouble)],
            // Refused for good, the run fails, and is given another chance.
            reopen: u32::from(trouble == Trouble::Denied),
            ..Case::of(scenario)
        })
    };
    let points = prologue(&undisturbed)..=undisturbed.points.len();
    sparse(points.flat_map(each).collect(), seeds)
}

/// The process dies while each call is on its way, and the call arrives after it.
pub fn calls_on_their_way() -> Vec<Case> {
    let (scenario, undisturbed) = chain();
    let points = undisturbed.points.iter().enumerate();
    let before = points.filter(|(_, name)| *name == "call.before");
    let case = |(index, _)| Case {
        crashes: vec![index + 1],
        pause: 15,
        troubles: vec![(0, 0, Trouble::Slow(45))],
        settle: 1_000,
        ..Case::of(scenario)
    };
    before.map(case).collect()
}

/// A copy of the state file is taken when the process has died: driven to its end after the live one,
/// and in the middle of it; by somebody who knows that it is a copy, and by somebody who does not.
pub fn copies(seeds: u64) -> Vec<Case> {
    let (scenario, undisturbed) = chain();
    let begun = prologue(&undisturbed);
    let each = |point: usize| {
        let both = Case {
            crashes: vec![point],
            copy: Some((0, 1)),
            ..Case::of(scenario)
        };
        let older = Case {
            crashes: vec![point, begun + point % 17],
            ..both.clone()
        };
        let told = |case: &Case| Case {
            restored: true,
            ..case.clone()
        };
        let all = vec![told(&both), told(&older), both, older];
        if seeds > 1 {
            return all;
        }
        // The restored ones that find the live run finished at each second point, the rest in turn.
        let turn = [0, 1, 0, 2, 0, 3][point % 6];
        vec![all[turn].clone()]
    };
    let points = prologue(&undisturbed)..=undisturbed.points.len();
    points.flat_map(each).collect()
}

/// The process that mends a create finds nothing, creates, and dies while nothing shows yet.
pub fn creates_by_the_one_that_mends() -> Vec<Case> {
    let scenario = scenario::find("hidden").unwrap();
    let undisturbed = baseline(scenario);
    let points = undisturbed.points.iter().enumerate();
    let before = points.filter(|(_, name)| *name == "call.before");
    let mut cases = Vec::new();
    for (index, _) in before {
        let first = Case {
            crashes: vec![index + 1],
            ..Case::of(scenario)
        };
        let world = first.world();
        world.drive(Some(index + 1)).unwrap();
        world.drive(None).unwrap();
        let points = world.points();
        // The looks and the call of the step in hand; what comes after its answer is another story.
        let landed = |name: &String| name == "answer.landed";
        let hand = points.iter().position(landed).unwrap();
        let after = (0..hand).rfind(|second| points[*second] == "call.after");
        if let Some(second) = after {
            cases.push(Case {
                crashes: vec![index + 1, second + 1],
                ..first
            });
        }
    }
    cases
}
