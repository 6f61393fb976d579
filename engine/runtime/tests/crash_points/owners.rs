//! Two owners: a process stops where it stands, as one does whose machine is suspended, and another one
//! takes its run over. Continued, the first must see that it has lost, and do nothing more.

use serde::{Deserialize, Serialize};

use crate::case::{Baseline, Played, baseline};
use crate::check::{self, Journals};
use crate::child::{Order, code};
use crate::scenario::{self, Scenario};
use crate::sweep::{Dice, Play};
use crate::world::{End, Manner, Running, World};

/// How long a right to drive lasts, and how long it is waited for until it is over; milliseconds.
const LEASE: u64 = 250;
const OVER: u64 = LEASE + 30;

/// How long the second process waits for the first one's transaction; milliseconds.
const PATIENCE: u64 = 100;

/// Scenarios of which every point is tried, and of which a choice is.
const WHOLE: &[&str] = &["tag", "none"];
const CHOICE: &[&str] = &["chain", "approval", "retry", "child"];

/// Points of a scenario that one seed chooses.
const SAMPLE: usize = 12;

/// The process of one scenario that stops at one point.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stop {
    pub scenario: String,
    pub point: usize,
    /// The second one, which has taken over, stops too when it is about to call out for the first time;
    /// the first goes on while the second still has the run.
    #[serde(default)]
    pub both: bool,
}

/// What became of the second process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    /// It took the run over and drove it to its end.
    TookOver,
    /// It was told who has the run or the file.
    Refused,
}

impl Play for Stop {
    fn play(&self) -> Result<Played, String> {
        self.run().map_err(|why| {
            let text = serde_json::to_string(self).unwrap_or_default();
            format!("{why}\n    RUNBOOK_STOP='{text}' cargo test -p runbook-runtime --test crash_points replay -- --ignored --nocapture")
        })
    }
}

/// Whether a process that stands here has SQLite's write lock.
fn is_writing(place: &str) -> bool {
    matches!(place, "tables.write" | "tables.sync" | "journal.sync")
}

impl Stop {
    fn run(&self) -> Result<Played, String> {
        let scenario = scenario::find(&self.scenario).ok_or("no such scenario")?;
        let wanted = baseline(scenario);
        let manner = Manner {
            lease: Some(LEASE),
            ..Manner::default()
        };
        let world = World::new(scenario, manner, Vec::new());
        let mut first = world.begin(&Order {
            stop_at: Some(self.point),
            ..world.order("first", &world.state())
        });
        let mut played = Played::default();
        if first.stopped() {
            played.stops = 1;
            played.refused = usize::from(self.two(&world, first)? == Second::Refused);
        } else {
            ended(&first.end(), "the only process")?;
        }
        world.ledger.rest();
        let journals = Journals::read(&world.state())?;
        journals.fenced()?;
        let mut wrong = check::doubled(&world, &[]);
        wrong.extend(check::lost(&world, &journals));
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        check::intents(&world, &journals)?;
        check::finished_stay(&world, &journals, &[])?;
        check::doubts_are_blind(&world, &journals)?;
        check::same_end(&world, &journals, &wanted.outcome)?;
        check::effects(&world, &journals)?;
        played.in_doubt = journals.doubts().len();
        Ok(played)
    }

    /// The first has stopped: starts a second one, and lets the first go on when it has ended.
    fn two(&self, world: &World, first: Running) -> Result<Second, String> {
        let place = first.points().pop().unwrap_or_default();
        let over = world.ledger.moment() + u128::from(LEASE);
        std::thread::sleep(std::time::Duration::from_millis(OVER));
        let order = Order {
            patience: Some(PATIENCE),
            ..world.order("second", &world.state())
        };
        if self.both {
            return self.while_it_lives(world, first, &order);
        }
        let second = world.begin(&order);
        let second = match second.end() {
            end if end.status.code() == Some(code::BUSY) => {
                refused(&end, &place, &first)?;
                Second::Refused
            }
            end => {
                if is_writing(&place) {
                    return Err(format!("took over at {place}: {}", end.said));
                }
                ended(&end, "the second process")?;
                Second::TookOver
            }
        };
        let before = Journals::read(&world.state()).map(|journals| journals.lengths());
        let (id, calls) = (first.id(), world.ledger.entries().len());
        first.go_on();
        let end = first.end();
        if second == Second::Refused {
            // Nobody has taken its run: it goes on as if nothing had been. Of its child run alone the
            // second one had to let go, with the parent's epoch raised: then a third one is needed.
            if end.status.code() == Some(code::LEASE_LOST) && self.scenario == "child" {
                let third = world.begin(&world.order("third", &world.state()));
                return ended(&third.end(), "the third process").map(|()| second);
            }
            ended(&end, "the continued process")?;
            return Ok(second);
        }
        match end.status.code() {
            Some(0 | code::LEASE_LOST) => {}
            _ => return ended(&end, "the process that lost").map(|()| second),
        }
        let after = Journals::read(&world.state()).map(|journals| journals.lengths());
        if before != after {
            return Err(format!("wrote after the takeover: {before:?}, {after:?}"));
        }
        world.ledger.rest();
        let entries = world.ledger.entries();
        let late = |(index, one): &(usize, &check::Entry)| {
            one.call.process == id && (*index >= calls || one.at > over)
        };
        match entries.iter().enumerate().find(late) {
            Some((_, entry)) => Err(format!("called after its lease: {}", check::show(entry))),
            None => Ok(second),
        }
    }
}

impl Stop {
    /// The first goes on while the second has the run.
    fn while_it_lives(
        &self,
        world: &World,
        first: Running,
        order: &Order,
    ) -> Result<Second, String> {
        let mut second = world.begin(&Order {
            stop_first: Some("call.before".to_owned()),
            ..order.clone()
        });
        if !second.stopped() {
            return Err(format!("never called out: {}", second.end().said));
        }
        first.go_on();
        let lost = first.end();
        second.go_on();
        let won = second.end();
        if !matches!(lost.status.code(), Some(code::BUSY | code::LEASE_LOST)) {
            return Err(format!("took it back: {}; {}", lost.said, won.said));
        }
        ended(&won, "the second process").map(|()| Second::TookOver)
    }
}

fn ended(end: &End, who: &str) -> Result<(), String> {
    match end.status.code() {
        Some(0) => Ok(()),
        _ => Err(format!("{who}: {}: {}", end.status, end.said)),
    }
}

/// Whether it has written its name down and may not have let go again.
fn drives(points: &[String]) -> bool {
    let last = |name: &str| points.iter().rposition(|point| point == name);
    last("claim.recorded") > last("run.closed").max(last("claim.locked"))
}

/// Only one that holds something which cannot be taken is waited for, and its name is told.
fn refused(end: &End, place: &str, first: &Running) -> Result<(), String> {
    let points = first.points();
    let last = |name: &str| points.iter().rposition(|point| point == name);
    let claims = last("claim.locked") > last("claim.recorded");
    if !is_writing(place) && !claims {
        return Err(format!("refused at {place}: {}", end.said));
    }
    let name = format!("process {}", first.id());
    let wanted = match is_writing(place) {
        true if drives(&points) => vec!["write lock", "-CONT", &name],
        true => vec!["write lock", "-CONT"],
        // It has not written its name down yet.
        false => vec!["is being driven by"],
    };
    match wanted.iter().find(|word| !end.said.contains(**word)) {
        Some(word) => Err(format!("says nothing of `{word}` at {place}: {}", end.said)),
        None => Ok(()),
    }
}

/// A stop at every point of the small scenarios, and at some of the others.
pub fn stops(seeds: u64) -> Vec<Stop> {
    let stop = |scenario: &Scenario, point| Stop {
        scenario: scenario.name.to_owned(),
        point,
        both: false,
    };
    let points = |name: &&str| -> (&'static Scenario, Baseline) {
        let scenario = scenario::find(name).unwrap();
        (scenario, baseline(scenario))
    };
    let mut cases = Vec::new();
    for (scenario, undisturbed) in WHOLE.iter().map(points) {
        let all = 1..=undisturbed.points.len();
        cases.extend(all.map(|point| stop(scenario, point)));
    }
    // Between its lock and its name in the file, the second time: the run is taken from it.
    let (approval, undisturbed) = points(&"approval");
    let again = undisturbed
        .points
        .iter()
        .rposition(|name| name == "claim.locked");
    cases.push(Stop {
        both: true,
        ..stop(approval, again.unwrap() + 1)
    });
    for seed in 1..=seeds {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for (scenario, undisturbed) in CHOICE.iter().map(points) {
            let choice = (0..SAMPLE).map(|_| 1 + dice.roll(undisturbed.points.len()));
            cases.extend(choice.map(|point| stop(scenario, point)));
        }
    }
    cases
}
