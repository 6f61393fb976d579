//! The cloud, and the ledger of every call that reached it. It lives in the process of the test, so it
//! outlives the one that is killed and knows nothing of its journal.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::wire::{Call, Mode, Op, Reply};

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Carried out, and the answer is dropped.
    Dropped,
    /// It never arrives.
    Lost,
    /// Carried out, and the answer comes so many milliseconds later.
    Late(u64),
    /// It arrives so many milliseconds later, whether its sender lives or not.
    Slow(u64),
    /// Answered twice.
    Twice,
    /// Refused by a rate limit.
    Throttled,
    /// Refused for good.
    Denied,
    /// Carried out, the answer is dropped, and what was made does not show for so many milliseconds.
    Hidden(u64),
}

/// A trouble for the `call`th call (1 is the first, 0 is each) of the `drive`th process (0 is the first).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    pub drive: usize,
    pub call: usize,
    pub trouble: Trouble,
}

/// One line of the ledger.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Milliseconds since the cloud began.
    pub at: u128,
    /// Which process called.
    pub drive: usize,
    #[serde(flatten)]
    pub call: Call,
    /// Whether it changed the cloud.
    pub effective: bool,
    /// Whether it was answered from the memory of tokens.
    pub replayed: bool,
    /// What went wrong.
    pub trouble: Option<Trouble>,
}

/// Something in the cloud.
#[derive(Clone, Debug)]
struct Resource {
    mode: Mode,
    name: String,
    token: String,
    id: String,
    value: Value,
    shows: Instant,
}

#[derive(Default)]
struct State {
    resources: Vec<Resource>,
    /// Answers by token, for the mode that remembers them.
    remembered: BTreeMap<String, Reply>,
    entries: Vec<Entry>,
    plan: Vec<Planned>,
    drive: usize,
    /// Calls that the current process made.
    calls: usize,
    /// Calls that may still be carried out before the next process starts.
    open: usize,
    /// Connections that are served.
    busy: usize,
    closing: bool,
}

/// The cloud's handle.
pub struct Ledger {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    quiet: Condvar,
    began: Instant,
    /// How long anything new does not show.
    hide: Duration,
    file: Mutex<std::fs::File>,
}

impl Ledger {
    /// A cloud that goes wrong as planned and keeps its ledger in `folder`.
    pub fn start(folder: &Path, hide: u64, plan: Vec<Planned>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                plan,
                ..State::default()
            }),
            quiet: Condvar::new(),
            began: Instant::now(),
            hide: Duration::from_millis(hide),
            file: Mutex::new(std::fs::File::create(folder.join("ledger")).unwrap()),
        });
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut state = served.state.lock().unwrap();
                if state.closing {
                    return;
                }
                state.open += 1;
                state.busy += 1;
                let drive = state.drive;
                drop(state);
                let one = served.clone();
                std::thread::spawn(move || {
                    let mut arriving = Arriving(&one, false);
                    one.serve(stream, drive, &mut arriving);
                    drop(arriving);
                    one.state.lock().unwrap().busy -= 1;
                    one.quiet.notify_all();
                });
            }
        });
        Self { address, shared }
    }

    /// The process that called has ended: carries out what it had sent, and counts the next one's calls
    /// from one.
    pub fn next_drive(&self) {
        // A connection that is still in the queue of the listener is taken before this one.
        let _ = self.ping();
        let mut state = self.shared.state.lock().unwrap();
        while state.open > 0 {
            state = self.shared.quiet.wait(state).unwrap();
        }
        state.drive += 1;
        state.calls = 0;
    }

    /// Waits until everything that is on its way has arrived.
    pub fn rest(&self) {
        let _ = self.ping();
        let mut state = self.shared.state.lock().unwrap();
        while state.busy > 0 {
            state = self.shared.quiet.wait(state).unwrap();
        }
    }

    fn ping(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.write_all(b"\n")?;
        BufReader::new(stream).read_line(&mut String::new())?;
        Ok(())
    }

    /// Milliseconds since the cloud began.
    pub fn moment(&self) -> u128 {
        self.shared.began.elapsed().as_millis()
    }

    /// Every call so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.shared.state.lock().unwrap().entries.clone()
    }

    /// What is there, in a form that two worlds share.
    pub fn inventory(&self) -> Vec<String> {
        let state = self.shared.state.lock().unwrap();
        let mut all: Vec<String> = state.resources.iter().map(Resource::line).collect();
        all.sort();
        all
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().closing = true;
        let _ = TcpStream::connect(self.address);
    }
}

impl Resource {
    fn line(&self) -> String {
        let Self {
            mode,
            name,
            token,
            value,
            ..
        } = self;
        format!("{mode:?} {name} {token} {value}")
    }

    fn reply(&self) -> Reply {
        Reply {
            id: Some(self.id.clone()),
            token: Some(self.token.clone()),
            value: self.value.clone(),
            refused: None,
        }
    }
}

/// A call that the next process has to wait for, until it is let go.
struct Arriving<'a>(&'a Shared, bool);

impl Arriving<'_> {
    fn let_go(&mut self) {
        if !std::mem::replace(&mut self.1, true) {
            self.0.state.lock().unwrap().open -= 1;
            self.0.quiet.notify_all();
        }
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream, drive: usize, arriving: &mut Arriving<'_>) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || !line.ends_with('\n') {
            // Its sender died before it was sent whole.
            return;
        }
        let Ok(call) = serde_json::from_str::<Call>(&line) else {
            return;
        };
        if call.op == Op::Inspect {
            self.let_all_arrive();
        }
        let trouble = self.next_trouble(&call, drive);
        match trouble {
            Some(Trouble::Lost) => {
                self.note(&call, drive, trouble, (false, false));
                return;
            }
            Some(Trouble::Slow(pause)) => {
                arriving.let_go();
                std::thread::sleep(Duration::from_millis(pause));
            }
            _ => {}
        }
        let reply = self.carry_out(&call, drive, trouble);
        arriving.let_go();
        let times = match trouble {
            Some(Trouble::Dropped | Trouble::Hidden(_)) => 0,
            Some(Trouble::Twice) => 2,
            _ => 1,
        };
        if let Some(Trouble::Late(pause)) = trouble {
            std::thread::sleep(Duration::from_millis(pause));
        }
        let mut answer = serde_json::to_string(&reply).unwrap();
        answer.push('\n');
        // Nobody may be there any more to hear it.
        let _ = (&stream).write_all(answer.repeat(times).as_bytes());
    }

    /// A person looks once everything has come to rest.
    fn let_all_arrive(&self) {
        let mut state = self.state.lock().unwrap();
        while state.busy > 1 {
            state = self.quiet.wait(state).unwrap();
        }
    }

    fn next_trouble(&self, call: &Call, drive: usize) -> Option<Trouble> {
        if call.op == Op::Inspect {
            return None;
        }
        let mut state = self.state.lock().unwrap();
        state.calls += 1;
        let number = state.calls;
        let planned = state
            .plan
            .iter()
            .find(|one| one.drive == drive && [0, number].contains(&one.call));
        planned.map(|one| one.trouble)
    }

    fn note(
        &self,
        call: &Call,
        drive: usize,
        trouble: Option<Trouble>,
        (effective, replayed): (bool, bool),
    ) {
        self.log(
            &mut self.state.lock().unwrap(),
            (call, drive, trouble),
            (effective, replayed),
        );
    }

    fn log(
        &self,
        state: &mut State,
        (call, drive, trouble): (&Call, usize, Option<Trouble>),
        (effective, replayed): (bool, bool),
    ) {
        let entry = Entry {
            at: self.began.elapsed().as_millis(),
            drive,
            call: call.clone(),
            effective,
            replayed,
            trouble,
        };
        let line = serde_json::to_string(&entry).unwrap();
        writeln!(self.file.lock().unwrap(), "{line}").unwrap();
        state.entries.push(entry);
    }

    fn carry_out(&self, call: &Call, drive: usize, trouble: Option<Trouble>) -> Reply {
        let mut state = self.state.lock().unwrap();
        if call.op == Op::Inspect {
            return state.inspect(call);
        }
        let earlier = |one: &&Entry| one.call.op == call.op && one.call.token == call.token;
        let earlier = state.entries.iter().filter(earlier).count();
        let refused =
            if trouble == Some(Trouble::Throttled) || (earlier as u64) < u64::from(call.throttle) {
                Some("throttled")
            } else {
                (call.deny || trouble == Some(Trouble::Denied)).then_some("denied")
            };
        let hide = match trouble {
            Some(Trouble::Hidden(millis)) => Duration::from_millis(millis),
            _ => self.hide,
        };
        let (reply, effective, replayed) = match refused {
            Some(word) => (refuse(word), false, false),
            None => state.apply(call, Instant::now() + hide),
        };
        self.log(&mut state, (call, drive, trouble), (effective, replayed));
        reply
    }
}

fn refuse(word: &str) -> Reply {
    Reply {
        refused: Some(word.to_owned()),
        ..Reply::default()
    }
}

impl State {
    fn inspect(&self, call: &Call) -> Reply {
        let made = self.resources.iter().find(|one| one.token == call.token);
        made.map_or_else(Reply::default, Resource::reply)
    }

    fn found(&self, fits: impl Fn(&Resource) -> bool) -> Reply {
        let now = Instant::now();
        let found = self
            .resources
            .iter()
            .find(|one| fits(one) && one.shows <= now);
        found.map_or_else(Reply::default, Resource::reply)
    }

    /// Answer, whether it changed anything, whether it came from memory.
    fn apply(&mut self, call: &Call, shows: Instant) -> (Reply, bool, bool) {
        match call.op {
            Op::Find if call.mode == Mode::Name => (
                self.found(|one| one.mode == Mode::Name && one.name == call.name),
                false,
                false,
            ),
            Op::Find | Op::LookUp => (self.found(|one| one.token == call.token), false, false),
            Op::Get => (self.found(|one| one.name == call.name), false, false),
            Op::Read => {
                let asked = |one: &&Entry| one.call.op == Op::Read && one.call.token == call.token;
                let count = self.entries.iter().filter(asked).count() + 1;
                let reply = Reply {
                    value: json!(count),
                    ..Reply::default()
                };
                (reply, false, false)
            }
            Op::Restore if call.value.is_null() => self.remove(call),
            Op::Put | Op::Restore => {
                let old = self.resources.iter_mut().find(|one| one.name == call.name);
                if let Some(old) = old {
                    let changed = old.value != call.value;
                    old.value = call.value.clone();
                    old.token = call.token.clone();
                    return (old.reply(), changed, false);
                }
                (self.make(call, shows), true, false)
            }
            Op::Delete => self.remove(call),
            Op::Create | Op::Act => {
                if call.mode == Mode::Token
                    && let Some(reply) = self.remembered.get(&call.token)
                {
                    return (reply.clone(), false, true);
                }
                let named = |one: &Resource| one.mode == Mode::Name && one.name == call.name;
                if call.mode == Mode::Name && self.resources.iter().any(named) {
                    return (refuse("exists"), false, false);
                }
                let reply = self.make(call, shows);
                self.remembered.insert(call.token.clone(), reply.clone());
                (reply, true, false)
            }
            Op::Inspect => (Reply::default(), false, false),
        }
    }

    fn remove(&mut self, call: &Call) -> (Reply, bool, bool) {
        let before = self.resources.len();
        self.resources.retain(|one| one.name != call.name);
        (Reply::default(), self.resources.len() < before, false)
    }

    fn make(&mut self, call: &Call, shows: Instant) -> Reply {
        let before = self.resources.iter().filter(|one| one.token == call.token);
        let made = Resource {
            mode: call.mode,
            name: call.name.clone(),
            token: call.token.clone(),
            id: format!("{}-{}-{}", call.name, &call.token[..8], before.count() + 1),
            value: call.value.clone(),
            shows,
        };
        let reply = made.reply();
        self.resources.push(made);
        reply
    }
}
