//! Steps of plugins in runs: killed at every place, taken back, refused, and in doubt, against a server
//! that plays the other side.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Person, Said, root};

/// The token that the host attaches.
const TOKEN: &str = "cf-s3cr3t-token";

/// Plays Cloudflare and a chat.
#[derive(Default)]
struct World {
    records: BTreeMap<String, Value>,
    /// Requests that can change something, in order.
    changes: Vec<String>,
    /// Requests without the token.
    strangers: usize,
    /// Answers to the chat are held back.
    slow: bool,
}

struct Server {
    port: u16,
    world: Arc<Mutex<World>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let world = Arc::new(Mutex::new(World::default()));
        let shared = world.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let world = shared.clone();
                std::thread::spawn(move || while serve(&stream, &world).is_some() {});
            }
        });
        Self { port, world }
    }

    fn changes(&self) -> Vec<String> {
        self.world.lock().unwrap().changes.clone()
    }

    fn records(&self) -> Vec<String> {
        let world = self.world.lock().unwrap();
        let text = |one: &Value| format!("{} {}", one["name"], one["content"]);
        world.records.values().map(text).collect()
    }

    fn forget(&self) {
        *self.world.lock().unwrap() = World::default();
    }
}

/// One request and its answer; none when the peer has gone.
fn serve(stream: &TcpStream, world: &Mutex<World>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut known) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        known |= header == format!("authorization: bearer {TOKEN}");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = answer(world, (&method, &path), body, known);
    let text = answer.to_string();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    )
    .ok()
}

fn answer(world: &Mutex<World>, (method, path): (&str, &str), body: Value, known: bool) -> Value {
    let mut world = world.lock().unwrap();
    if !matches!(method, "GET" | "HEAD") {
        world.changes.push(format!("{method} {path}"));
    }
    if path.starts_with("/chat") {
        if world.slow {
            drop(world);
            std::thread::sleep(Duration::from_secs(20));
        }
        return json!({ "ok": true });
    }
    world.strangers += usize::from(!known);
    let id = path.rsplit('/').next().unwrap_or_default().to_owned();
    let result = match method {
        "GET" if path.contains("dns_records") => json!(world.records.values().collect::<Vec<_>>()),
        "GET" => json!([{ "id": "Z1", "name": "example.com" }]),
        "POST" => {
            let mut record = body;
            let id = format!("R{}", world.changes.len());
            record["id"] = json!(id);
            world.records.insert(id, record.clone());
            record
        }
        "PATCH" => {
            let record = world.records.entry(id).or_default();
            for (key, value) in body.as_object().unwrap() {
                record[key] = value.clone();
            }
            record.clone()
        }
        _ => {
            world.records.remove(&id);
            json!({ "id": id })
        }
    };
    json!({ "success": true, "errors": [], "result": result })
}

/// The component of a plugin of this repository, built once.
fn component(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        runbook_tests::wasm_target();
        let person = Person::new(1);
        for name in ["chat-notify", "cloudflare-dns"] {
            let mut command = person.command(&["plugin", "build", name]);
            command
                .env("RUNBOOK_CACHE", shared().join("cache"))
                .env("CARGO_TARGET_DIR", crate::plugins::guests())
                .envs(crate::plugins::SOON);
            Said::from(command.output().unwrap()).exits(0);
        }
    });
    root().join(format!("plugins/{name}/dist/{name}.wasm"))
}

fn shared() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")
}

/// A project whose plugins talk to `server`.
struct Project {
    person: Person,
}

impl Project {
    fn new(server: &Server) -> Self {
        let person = Person::alone();
        let project = Self { person };
        let (chat, dns) = (component("chat-notify"), component("cloudflare-dns"));
        project.write(
            "plugins/plugins.yaml",
            &json!({ "plugins": {
                "chat-notify": {
                    "source": format!("path:{}", chat.display()),
                    "grant": { "http": ["POST http://127.0.0.1:*/*"], "once": ["post"] },
                },
                "cloudflare-dns": {
                    "source": format!("path:{}", dns.display()),
                    "grant": {
                        "http": everything("https://api.cloudflare.com/client/v4/*")
                            .chain(everything("http://127.0.0.1:*/*")).collect::<Vec<_>>(),
                        "secrets": { "cloudflare_token": "attach" },
                    },
                },
            }})
            .to_string(),
        );
        project.environment(&["chat-notify", "cloudflare-dns"], server);
        project.write(
            "runbooks/move.yaml",
            "name: move\nsteps:\n  \
             - id: one\n    uses: plugin:cloudflare-dns/set\n    \
             with: { zone: example.com, name: a.example.com, type: A, content: 203.0.113.1 }\n  \
             - id: two\n    uses: plugin:cloudflare-dns/set\n    \
             with: { zone: example.com, name: a.example.com, type: A, content: 203.0.113.2 }\n",
        );
        project.write(
            "runbooks/say.yaml",
            "name: say\nsteps:\n  - id: post\n    uses: plugin:chat-notify/post\n    with: { text: hello }\n",
        );
        project
    }

    fn environment(&self, allow: &[&str], server: &Server) {
        let base = format!("http://127.0.0.1:{}", server.port);
        let environment = json!({
            "name": "dev",
            "plugins": {
                "allow": allow,
                "ceiling": { "http": everything("http://127.0.0.1:*/*")
                    .chain(everything("https://api.cloudflare.com/client/v4/*")).collect::<Vec<_>>() },
                "secrets": { "cloudflare_token": "env:CLOUDFLARE_TOKEN" },
                "config": {
                    "chat-notify": { "url": format!("{base}/chat") },
                    "cloudflare-dns": { "base_url": format!("{base}/client/v4") },
                },
            },
        });
        self.write("environments/schema.yaml", "vars: {}\n");
        self.write("environments/dev.yaml", &environment.to_string());
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.person.here.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.person.command(args);
        command
            .env("RUNBOOK_CACHE", shared().join("cache"))
            .env("CLOUDFLARE_TOKEN", TOKEN);
        command
    }

    fn types(&self, args: &[&str]) -> Said {
        Said::from(self.command(args).output().unwrap())
    }

    /// A new state file: what was there is gone.
    fn forget(&self) {
        let _ = std::fs::remove_dir_all(self.person.state().parent().unwrap());
    }
}

fn everything(url: &'static str) -> impl Iterator<Item = String> {
    ["GET", "POST", "PATCH", "DELETE"]
        .into_iter()
        .map(move |method| format!("{method} {url}"))
}

const MOVE: &[&str] = &["run", "move", "--env", "dev"];

#[test]
fn a_plugin_step_that_is_killed_anywhere_is_done_once() {
    let server = Server::start();
    let project = Project::new(&server);
    let log = project.person.here.join("places");
    let mut calm = project.command(MOVE);
    let calm = calm.env("RUNBOOK_CRASH_LOG", &log).output().unwrap();
    Said::from(calm).exits(0);
    let undisturbed = server.changes();
    assert_eq!(undisturbed.len(), 2, "{undisturbed:?}");
    let places = std::fs::read_to_string(&log).unwrap().lines().count();
    assert!(places > 20, "only {places} places");

    // Many places are alike, and each costs two processes.
    let mut killed = 0;
    for place in (1..=places).step_by(3) {
        server.forget();
        project.forget();
        let mut command = project.command(MOVE);
        let ended = command
            .env("RUNBOOK_CRASH_POINT", place.to_string())
            .output()
            .unwrap();
        if ended.status.success() {
            continue;
        }
        killed += 1;
        // Before the run was on disk there is nothing to resume.
        let resumed = if project.person.state().exists() {
            project.types(&["resume"])
        } else {
            project.types(MOVE)
        };
        let resumed = if project.person.runs().is_empty() {
            project.types(MOVE)
        } else {
            resumed
        };
        assert_eq!(resumed.code, 0, "place {place}: {}", resumed.all());
        assert_eq!(
            server.records(),
            ["\"a.example.com\" \"203.0.113.2\""],
            "place {place}"
        );
        let made = server
            .changes()
            .iter()
            .filter(|one| one.starts_with("POST"))
            .count();
        assert_eq!(made, 1, "place {place}: {:?}", server.changes());
    }
    assert!(killed > 8, "only {killed} kills");
    assert_eq!(server.world.lock().unwrap().strangers, 0);
}

#[test]
fn a_plugin_step_is_taken_back_and_its_secret_stays_outside() {
    let server = Server::start();
    let project = Project::new(&server);
    project.types(MOVE).exits(0);
    let run = project.person.runs().remove(0);
    let said = project.types(&["rollback", &run, "--yes"]).exits(0);
    assert!(said.all().contains("rolled_back"), "{}", said.all());
    assert_eq!(server.records(), [] as [String; 0]);
    let events = project.types(&["events", &run, "--json"]).exits(0).out;
    assert!(events.contains("bearer:cloudflare_token"), "{events}");
    let folder = std::fs::read_dir(project.person.state().parent().unwrap()).unwrap();
    for file in folder.flatten().filter(|one| one.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        let found = bytes
            .windows(TOKEN.len())
            .any(|one| one == TOKEN.as_bytes());
        assert!(!found, "{} holds the secret", file.path().display());
    }
}

#[test]
fn a_message_that_may_have_been_posted_is_not_posted_again() {
    let server = Server::start();
    let project = Project::new(&server);
    server.world.lock().unwrap().slow = true;
    let mut child = project
        .command(&["run", "say", "--env", "dev"])
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    while server.changes().is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing was posted"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    server.world.lock().unwrap().slow = false;
    let said = project.types(&["resume"]).exits(3);
    assert!(said.all().contains("runbook resolve"), "{}", said.all());
    assert_eq!(server.changes(), ["POST /chat"]);
    let run = project.person.runs().remove(0);
    let outputs = r##"{"channel":"#dev","id":null}"##;
    let words = [
        "resolve", &run, "post", "--done", outputs, "--reason", "seen",
    ];
    project.types(&words).exits(0);
    assert_eq!(server.changes(), ["POST /chat"]);
}

#[test]
fn what_is_not_granted_is_refused_before_anything_is_done() {
    let server = Server::start();
    let project = Project::new(&server);
    project.environment(&["chat-notify"], &server);
    for words in [MOVE, &["validate", "--env", "dev", "move"]] {
        let said = project.types(words).exits(2);
        assert!(said.err.contains("environments/dev.yaml"), "{}", said.all());
        assert!(
            said.err.contains("allow: [cloudflare-dns]"),
            "{}",
            said.all()
        );
    }
    assert!(!project.person.state().exists());

    // A step may do less than its plugin may, and then that is what it may.
    project.environment(&["chat-notify", "cloudflare-dns"], &server);
    project.write(
        "runbooks/narrow.yaml",
        "name: narrow\nsteps:\n  - id: one\n    uses: plugin:cloudflare-dns/set\n    \
         with: { zone: example.com, name: a.example.com, type: A, content: 203.0.113.1 }\n    \
         allow: { http: [\"GET http://127.0.0.1:*/*\"], secrets: [cloudflare_token] }\n",
    );
    let said = project.types(&["run", "narrow", "--env", "dev"]).exits(1);
    assert!(said.all().contains("may not POST"), "{}", said.all());
    assert_eq!(server.changes(), [] as [String; 0]);

    // A secret does not get in through the inputs.
    project.write(
        "runbooks/leak.yaml",
        "name: leak\nparams: { key: { type: string, secret: true } }\nsteps:\n  - id: one\n    \
         uses: plugin:chat-notify/post\n    with: { text: \"{{ params.key }}\" }\n",
    );
    let words = [
        "run",
        "leak",
        "--env",
        "dev",
        "-p",
        "key=env:CLOUDFLARE_TOKEN",
    ];
    let said = project.types(&words).exits(1);
    assert!(said.all().contains("inputs of a plugin"), "{}", said.all());
    assert_eq!(server.changes(), [] as [String; 0]);
}
