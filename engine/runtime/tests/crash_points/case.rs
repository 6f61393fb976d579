//! One case: where the processes of a scenario die and what the cloud does meanwhile. A line of JSON
//! names it, so that it can be played again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use runbook_core::RunStatus;

use crate::back;
use crate::check::{self, Journals, Outcome};
use crate::ledger::{Planned, Trouble};
use crate::scenario::{self, Scenario};
use crate::sweep::Play;
use crate::wire::Mode;
use crate::world::{Drive, Manner, World};

/// One case.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Case {
    pub scenario: String,
    /// At which point each process dies; the one after the last goes on to the end.
    pub crashes: Vec<usize>,
    /// Process, call of it, trouble.
    pub troubles: Vec<(usize, usize, Trouble)>,
    pub threads: bool,
    /// How long after its point a process dies; milliseconds.
    pub pause: u64,
    /// A copy of the state file: taken after this process, driven to its end after that one.
    pub copy: Option<(usize, usize)>,
    /// Whoever drives the copy says that it is one.
    pub restored: bool,
    /// A run that failed is given another chance so often.
    pub reopen: u32,
    pub timeout: Option<u64>,
    pub settle: u64,
}

/// What an undisturbed run shows.
#[derive(Clone)]
pub struct Baseline {
    pub points: Vec<String>,
    pub calls: usize,
    pub outcome: Outcome,
}

/// What one case was.
#[derive(Debug, Default)]
pub struct Played {
    /// Processes that died.
    pub deaths: usize,
    pub in_doubt: usize,
    /// Processes that were stopped, and those where the next one was refused.
    pub stops: usize,
    pub refused: usize,
    /// Copies that were driven.
    pub copies: usize,
    /// Points that the processes reached.
    pub points: Vec<String>,
}

static BASELINES: Mutex<BTreeMap<String, Baseline>> = Mutex::new(BTreeMap::new());

/// The undisturbed run of a scenario; it is made once.
pub fn baseline(scenario: &'static Scenario) -> Baseline {
    let mut known = BASELINES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(scenario.name) {
        return known.clone();
    }
    let world = World::new(scenario, Manner::default(), Vec::new());
    assert_eq!(world.drive(None), Ok(Drive::Ended), "{}", scenario.name);
    let journals = Journals::read(&world.state()).unwrap();
    assert_eq!(journals.status(), Some(scenario.ends), "{}", scenario.name);
    let found = Baseline {
        points: world.points(),
        calls: world.ledger.entries().len(),
        outcome: journals.outcome(&world),
    };
    for held in [
        check::intents(&world, &journals),
        check::finished_stay(&world, &journals, &[]),
        check::effects(&world, &journals),
    ] {
        assert_eq!(held, Ok(()), "{}", scenario.name);
    }
    known.insert(scenario.name.to_owned(), found.clone());
    found
}

impl Play for Case {
    fn play(&self) -> Result<Played, String> {
        self.run()
            .map_err(|why| format!("{why}\n    {}", self.replay()))
    }
}

impl Case {
    /// A case of a scenario in which nothing happens.
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.name.to_owned(),
            ..Self::default()
        }
    }

    /// How to play it again.
    pub fn replay(&self) -> String {
        format!(
            "RUNBOOK_CRASH='{}' cargo test -p runbook-runtime --test crash_points replay -- --ignored --nocapture",
            serde_json::to_string(self).unwrap_or_default()
        )
    }

    pub fn world(&self) -> World {
        let manner = Manner {
            threads: self.threads,
            pause: self.pause,
            reopen: self.reopen,
            timeout: self.timeout,
            settle: self.settle,
            lease: None,
        };
        let plan = self.troubles.iter().map(|&(drive, call, trouble)| Planned {
            drive,
            call,
            trouble,
        });
        let scenario = scenario::find(&self.scenario).unwrap();
        World::new(scenario, manner, plan.collect())
    }

    fn run(&self) -> Result<Played, String> {
        let world = self.world();
        let wanted = baseline(world.scenario);
        let mut played = Played::default();
        let mut marks = Vec::new();
        let mut copy = None;
        let mut alone = true;
        let mut number = 0;
        let journals = loop {
            let drive = world.drive(self.crashes.get(number).copied())?;
            played.points.extend(world.points());
            let journals = Journals::read(&world.state())?;
            if self.copy.is_none() {
                check::intents(&world, &journals)?;
            }
            check::finished_stay(&world, &journals, &marks)?;
            let ended = drive == Drive::Ended;
            if let Some((taken, driven)) = self.copy {
                if number == taken {
                    copy = Some(world.back_up("copy.db"));
                }
                if (number == driven || ended)
                    && let Some(copy) = copy.take()
                {
                    alone = ended;
                    played.copies += 1;
                    self.drive_copy(&world, &copy)?;
                }
            }
            if ended {
                break journals;
            }
            played.deaths += 1;
            number += 1;
            if self.copy.is_none() {
                marks.push(journals.mark(&world));
            }
        };
        world.ledger.rest();
        // A live run that goes on beside its copy knows nothing of what that did.
        self.sound(
            &world,
            &journals,
            self.copy.is_none() || (self.restored && alone),
        )?;
        check::doubts_are_blind(&world, &journals)?;
        if self.copy.is_none() {
            check::same_end(&world, &journals, &wanted.outcome)?;
            check::effects(&world, &journals)?;
        }
        if world.scenario.ends == RunStatus::RolledBack {
            back::taken_back(&world, &journals)?;
        }
        played.in_doubt = journals.doubts().len();
        Ok(played)
    }

    /// Nothing is doubled and nothing is lost.
    fn sound(&self, world: &World, journals: &Journals, known: bool) -> Result<(), String> {
        // What a journal has no word of, and nobody says so, cannot be in doubt: the ones that only a
        // person can tell of repeat.
        let but: &[Mode] = if known { &[] } else { &[Mode::None] };
        let mut wrong = check::doubled(world, but);
        wrong.extend(check::lost(world, journals));
        wrong.extend(back::lost_undos(world, journals));
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("; "))
        }
    }

    fn drive_copy(&self, world: &World, copy: &Path) -> Result<(), String> {
        if self.restored {
            world.restore(copy)?;
        } else {
            world.drive_over(copy, None)?;
        }
        let journals = Journals::read(copy)?;
        if journals.status() != Some(world.scenario.ends) {
            return Err(format!("the copy ended as {:?}", journals.status()));
        }
        self.sound(world, &journals, self.restored)
    }
}
