//! The cloud: outside of every process, with calls that arrive late, answers that are lost, and
//! resources that hide for a while after they were made.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use runbook_core::{Fault, FaultKind};
use runbook_step::{Context, StepResult};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::dice::Dice;
use crate::process::Process;
use crate::watch::Watched;

/// A call on its way takes at most so long, and what it makes hides for at most so long: together less
/// than the settle delay.
const LATEST: u64 = 3_500;
const HIDDEN: u64 = 3_500;

/// What a step asks of the cloud.
#[derive(Clone, Debug)]
pub enum Request {
    /// What carries this name, as far as it shows: id, token, ready.
    Find {
        name: String,
    },
    /// Makes another one; with `dedup` the cloud knows the token.
    Make {
        name: String,
        token: String,
        dedup: bool,
        slow: bool,
    },
    Delete {
        id: u64,
    },
    Get {
        name: String,
    },
    Set {
        name: String,
        value: u64,
    },
    Act {
        token: String,
        dedup: bool,
    },
    /// Whether an act shows.
    Seen {
        token: String,
    },
    /// Whether enough time has passed since it was first asked.
    Poll {
        name: String,
        after: u64,
    },
    Read,
}

impl Request {
    pub fn is_effect(&self) -> bool {
        matches!(
            self,
            Self::Make { .. } | Self::Delete { .. } | Self::Set { .. } | Self::Act { .. }
        )
    }
}

/// What the cloud says.
#[derive(Clone, Debug)]
pub enum Response {
    Found(Vec<Shown>),
    Id(u64),
    Value(u64),
    Yes(bool),
}

#[derive(Clone, Debug)]
pub struct Shown {
    pub id: u64,
    pub token: String,
    pub ready: bool,
}

/// Something that exists, or existed.
#[derive(Clone, Debug)]
pub struct Resource {
    pub id: u64,
    pub name: String,
    pub token: String,
    shows: Instant,
    ready: Instant,
    pub deleted: bool,
}

/// One effective act.
#[derive(Clone, Debug)]
pub struct Act {
    shows: Instant,
}

/// What becomes of a call.
enum Fate {
    /// Refused without an effect.
    Refused(FaultKind),
    /// Carried out after the first span, answered after the second.
    Answered(u64, u64),
    /// Carried out after the span unless it is none; the caller is told of a broken line, or nothing.
    Lost(Option<u64>, Option<u64>),
}

pub struct Cloud {
    pub state: Mutex<State>,
    pub watched: Arc<Watched>,
}

pub struct State {
    dice: Dice,
    fault: u64,
    calm: bool,
    next: u64,
    pub resources: Vec<Resource>,
    pub values: BTreeMap<String, u64>,
    pub acts: BTreeMap<String, Vec<Act>>,
    polls: BTreeMap<String, Instant>,
    processes: BTreeMap<String, Arc<Process>>,
    /// Calls that a process waits for, by process and run.
    pub flying: BTreeMap<(usize, String), usize>,
    pub calls: u64,
}

thread_local! {
    static HERE: RefCell<Option<Arc<Cloud>>> = const { RefCell::new(None) };
}

/// The cloud of the simulation that this thread plays.
pub fn here() -> Arc<Cloud> {
    HERE.with_borrow(|here| here.clone()).unwrap()
}

impl Cloud {
    /// A new one, which is the one of this thread from here on.
    pub fn found(dice: Dice, fault: u64, watched: Arc<Watched>) -> Arc<Self> {
        let state = State {
            dice,
            fault,
            calm: false,
            next: 0,
            resources: Vec::new(),
            values: BTreeMap::new(),
            acts: BTreeMap::new(),
            polls: BTreeMap::new(),
            processes: BTreeMap::new(),
            flying: BTreeMap::new(),
            calls: 0,
        };
        let cloud = Arc::new(Self {
            state: Mutex::new(state),
            watched,
        });
        HERE.set(Some(cloud.clone()));
        cloud
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn enroll(&self, process: &Arc<Process>) {
        let name = process.endpoint();
        self.state().processes.insert(name, process.clone());
    }

    /// Nothing goes wrong any more.
    pub fn calm_down(&self) {
        self.state().calm = true;
    }

    fn carry_out(&self, request: &Request) -> Response {
        let mut state = self.state();
        let response = state.carry_out(request);
        drop(state);
        let line = format!("cloud {request:?} -> {response:?}");
        self.watched.trace(&line);
        response
    }
}

impl State {
    fn draw(&mut self) -> Fate {
        let there = self.dice.between(5, 120);
        let back = self.dice.between(5, 80);
        if self.calm || !self.dice.chance(self.fault) {
            return Fate::Answered(there, back);
        }
        let told = self.dice.chance(60).then(|| self.dice.between(200, 4000));
        match self.dice.roll(8) {
            0 => Fate::Refused(FaultKind::Throttled),
            1 => Fate::Refused(FaultKind::Transient),
            2 => Fate::Refused(FaultKind::Denied),
            3 => Fate::Lost(None, told),
            4 => Fate::Lost(Some(there), told),
            // It arrives after its caller has given up.
            5 => Fate::Lost(
                Some(self.dice.between(500, LATEST)),
                Some(self.dice.between(50, 400)),
            ),
            6 => Fate::Answered(self.dice.between(500, LATEST), back),
            _ => Fate::Answered(there, self.dice.between(1000, 80_000)),
        }
    }

    fn carry_out(&mut self, request: &Request) -> Response {
        let now = Instant::now();
        match request {
            Request::Find { name } => {
                let found = self
                    .resources
                    .iter()
                    .filter(|one| one.name == *name && !one.deleted && one.shows <= now);
                let shown = found.map(|one| Shown {
                    id: one.id,
                    token: one.token.clone(),
                    ready: one.ready <= now,
                });
                Response::Found(shown.collect())
            }
            Request::Make {
                name,
                token,
                dedup,
                slow,
            } => {
                let known = self.resources.iter().find(|one| one.token == *token);
                if let Some(known) = known.filter(|_| *dedup) {
                    return Response::Id(known.id);
                }
                self.next += 1;
                let hidden = match self.dice.chance(50) {
                    true => self.dice.roll(HIDDEN),
                    false => 0,
                };
                let slow = if *slow { self.dice.roll(5000) } else { 0 };
                self.resources.push(Resource {
                    id: self.next,
                    name: name.clone(),
                    token: token.clone(),
                    shows: now + Duration::from_millis(hidden),
                    ready: now + Duration::from_millis(slow),
                    deleted: false,
                });
                Response::Id(self.next)
            }
            Request::Delete { id } => {
                let found = self.resources.iter_mut().find(|one| one.id == *id);
                Response::Yes(found.is_some_and(|one| !std::mem::replace(&mut one.deleted, true)))
            }
            Request::Get { name } => Response::Value(self.values.get(name).copied().unwrap_or(0)),
            Request::Set { name, value } => {
                self.values.insert(name.clone(), *value);
                Response::Value(*value)
            }
            Request::Act { token, dedup } => {
                let hidden = self.dice.roll(HIDDEN);
                let acts = self.acts.entry(token.clone()).or_default();
                if acts.is_empty() || !dedup {
                    acts.push(Act {
                        shows: now + Duration::from_millis(hidden),
                    });
                }
                Response::Yes(true)
            }
            Request::Seen { token } => {
                let acts = self.acts.get(token);
                Response::Yes(acts.is_some_and(|acts| acts.iter().any(|one| one.shows <= now)))
            }
            Request::Poll { name, after } => {
                let first = *self.polls.entry(name.clone()).or_insert(now);
                Response::Yes(now >= first + Duration::from_millis(*after))
            }
            Request::Read => Response::Yes(true),
        }
    }
}

/// A process waits for an answer; dropped when it does not any more.
struct InFlight(Arc<Cloud>, (usize, String));

impl InFlight {
    fn new(cloud: &Arc<Cloud>, who: (usize, String)) -> Self {
        *cloud.state().flying.entry(who.clone()).or_default() += 1;
        Self(cloud.clone(), who)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(count) = self.0.state().flying.get_mut(&self.1) {
            *count -= 1;
        }
    }
}

fn broken_line() -> Fault {
    Fault::new(FaultKind::Transient, "the connection was reset").unknown_effect()
}

/// One call of a step.
pub async fn call(context: &Context, request: Request) -> StepResult<Response> {
    let cloud = here();
    let endpoint = context.aws.endpoint_url.clone().unwrap_or_default();
    let process = cloud.state().processes[&endpoint].clone();
    process.pass().await;
    // As a client does just before each request leaves.
    if !runbook_step::lease::holds() {
        return Err(Fault::new(
            FaultKind::Internal,
            "the lease of the run has run out",
        ));
    }
    cloud.watched.leaves(&process, context, &request);
    let fate = {
        let mut state = cloud.state();
        state.calls += 1;
        state.draw()
    };
    let _flight = InFlight::new(&cloud, (process.number, context.run.clone()));
    let answer = match fate {
        Fate::Refused(kind) => {
            sleep(Duration::from_millis(20)).await;
            Err(Fault::new(kind, "refused"))
        }
        Fate::Answered(there, back) => {
            let answered = send(&cloud, request, there);
            let answer = answered.await.map_err(|_| broken_line());
            sleep(Duration::from_millis(back)).await;
            answer
        }
        Fate::Lost(there, told) => {
            if let Some(there) = there {
                drop(send(&cloud, request, there));
            }
            match told {
                Some(after) => sleep(Duration::from_millis(after)).await,
                None => std::future::pending().await,
            }
            Err(broken_line())
        }
    };
    process.pass().await;
    answer
}

/// On its way it belongs to nobody: it arrives even when its process has died.
fn send(cloud: &Arc<Cloud>, request: Request, there: u64) -> oneshot::Receiver<Response> {
    let (answer, answered) = oneshot::channel();
    let cloud = cloud.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(there)).await;
        let _ = answer.send(cloud.carry_out(&request));
    });
    answered
}
