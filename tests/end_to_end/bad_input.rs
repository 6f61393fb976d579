//! Bad input of every kind: a clear error that says what to do, and nothing is left behind.

use crate::support::{Person, Said};

struct Case {
    name: &'static str,
    runbook: &'static str,
    args: &'static [&'static str],
    /// All of these are said.
    says: &'static [&'static str],
}

const GOOD: &str = "name: good\nparams: { who: { type: string } }\nsteps:\n  - { id: one, uses: log, with: { message: 'hi {{ params.who }}' } }\n";

const CASES: &[Case] = &[
    Case {
        name: "malformed YAML",
        runbook: "name: bad\nsteps: [\n",
        args: &[],
        says: &["R001", "bad.yaml:"],
    },
    Case {
        name: "unknown key",
        runbook: "name: bad\nstpes: []\nsteps:\n  - { id: one, uses: log, with: { message: hi } }\n",
        args: &[],
        says: &["R003", "bad.yaml:2:1", "steps"],
    },
    Case {
        name: "unknown step type",
        runbook: "name: bad\nsteps:\n  - { id: one, uses: aws.ec2.vpc.ensrue, with: {} }\n",
        args: &[],
        says: &["R008", "bad.yaml:3:", "aws.ec2.vpc.ensure"],
    },
    Case {
        name: "wrong input type",
        runbook: "name: bad\nsteps:\n  - { id: one, uses: shell.run, with: { argv: 7 } }\n",
        args: &[],
        says: &["R011", "argv"],
    },
    Case {
        name: "unknown input",
        runbook: "name: bad\nsteps:\n  - { id: one, uses: log, with: { mesage: hi } }\n",
        args: &[],
        says: &["R009", "message"],
    },
    Case {
        name: "reference to an unknown step",
        runbook: "name: bad\nsteps:\n  - { id: one, uses: log, with: { message: '{{ steps.won.by }}' } }\n",
        args: &[],
        says: &["R018", "won"],
    },
    Case {
        name: "reference to a downstream step",
        runbook: "name: bad\nsteps:\n  - { id: one, uses: log, with: { message: '{{ steps.two.stdout }}' } }\n  - { id: two, uses: shell.run, with: { argv: [date] } }\n",
        args: &[],
        says: &["R019", "two"],
    },
    Case {
        name: "circle",
        runbook: "name: bad\nsteps:\n  - { id: one, uses: log, needs: [two], with: { message: hi } }\n  - { id: two, uses: log, needs: [one], with: { message: hi } }\n",
        args: &[],
        says: &["R014", "one", "two"],
    },
    Case {
        name: "no way to fail",
        runbook: "name: bad\non_failure: rolback\nsteps:\n  - { id: one, uses: log, with: { message: hi } }\n",
        args: &[],
        says: &["rolback", "rollback"],
    },
    Case {
        name: "an undo that only looks",
        runbook: "name: bad\nsteps:\n  - { id: one, uses: shell.run, with: { argv: [sh] }, undo: { uses: http.check, with: { url: 'http://localhost/' } } }\n",
        args: &[],
        says: &["R026", "http.check"],
    },
    Case {
        name: "a secret answer",
        runbook: "name: bad\nsteps:\n  - { id: one, uses: manual, with: { message: hi, form: { pin: { type: string, secret: true } } } }\n",
        args: &[],
        says: &["R035", "secrets.NAME"],
    },
    Case {
        name: "no items at once",
        runbook: "name: bad\nsteps:\n  - { id: one, uses: log, for_each: '[1, 2]', max_parallel: [1, 0], with: { message: hi } }\n",
        args: &[],
        says: &["R023", "max_parallel"],
    },
    Case {
        name: "no time at all",
        runbook: "name: bad\ntimeout: 0s\nsteps:\n  - { id: one, uses: log, with: { message: hi } }\n",
        args: &[],
        says: &["R022", "timeout"],
    },
    Case {
        name: "missing parameter",
        runbook: GOOD,
        args: &[],
        says: &["who"],
    },
    Case {
        name: "extra parameter",
        runbook: GOOD,
        args: &["--param", "who=Ada", "--param", "hwo=Ada"],
        says: &["hwo", "who"],
    },
    Case {
        name: "parameter without a value",
        runbook: GOOD,
        args: &["--param", "who"],
        says: &["NAME=VALUE"],
    },
    Case {
        name: "unknown environment",
        runbook: GOOD,
        args: &["--param", "who=Ada", "--env", "prdo"],
        says: &["prod"],
    },
    Case {
        name: "wrong override",
        runbook: GOOD,
        args: &[
            "--param",
            "who=Ada",
            "--env",
            "dev",
            "--set",
            "instance_typo=t3.nano",
        ],
        says: &["instance_typ"],
    },
];

#[test]
fn is_refused_with_2_and_leaves_nothing_behind() {
    for case in CASES {
        let person = Person::new(1);
        let file = person.runbook("bad", case.runbook);
        let mut args = vec!["run", file.as_str()];
        args.extend(case.args);
        let said = person.types(&args);
        assert_eq!(said.code, 2, "{}: {}", case.name, said.all());
        for text in case.says {
            assert!(
                said.err.contains(text),
                "{}: `{text}` is not in\n{}",
                case.name,
                said.all()
            );
        }
        assert!(
            said.err.contains("nothing was done") || case.name.contains("without"),
            "{}: {}",
            case.name,
            said.err
        );
        assert!(!person.state().exists(), "{}", case.name);
    }
}

#[test]
fn the_same_for_machines() {
    let person = Person::new(1);
    let file = person.runbook(
        "bad",
        "name: bad\nsteps:\n  - { id: one, uses: lgo, with: {} }\n",
    );
    let said = person.types(&["run", &file, "--json"]).exits(2);
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(value["details"][0]["code"], "R008");
    assert_eq!(value["details"][0]["line"], 3);
}

#[test]
fn a_protected_environment_is_confirmed_or_nothing_happens() {
    let person = Person::new(1);
    let file = person.runbook("good", GOOD);
    let run = |more: &[&str]| -> Said {
        let mut args = vec!["run", file.as_str(), "--env", "prod", "--param", "who=Ada"];
        args.extend(more);
        person.types(&args)
    };
    assert!(run(&[]).exits(5).err.contains("--confirm prod"));
    run(&["--confirm", "dev"]).exits(5);
    assert!(person.runs().is_empty());
    run(&["--confirm", "prod"]).exits(0);
}

#[test]
fn an_unknown_runbook_or_run_is_named_with_its_neighbours() {
    let person = Person::new(1);
    assert!(
        person
            .types(&["run", "prod-failovr"])
            .exits(2)
            .err
            .contains("prod-failover")
    );
    assert!(
        person
            .types(&["show", "nope"])
            .exits(2)
            .err
            .contains("there is no run yet")
    );
    person
        .types(&["run", "hello", "--param", "pause=1ms"])
        .exits(0);
    assert!(
        person
            .types(&["show", "nope"])
            .exits(2)
            .err
            .contains("runbook list")
    );
    person.types(&["frobnicate"]).exits(2);
}

#[test]
fn a_state_file_that_is_not_ours_is_left_alone() {
    let person = Person::new(1);
    std::fs::create_dir_all(person.state().parent().unwrap()).unwrap();
    let diary = "dear diary, today nothing was recorded in a database, and it was a good day";
    std::fs::write(person.state(), diary).unwrap();
    let said = person.types(&["run", "hello"]).exits(2);
    assert!(
        said.err.contains("is not a runbook state file") && said.err.contains("--state"),
        "{}",
        said.err
    );
    assert_eq!(std::fs::read_to_string(person.state()).unwrap(), diary);
}

#[test]
fn a_state_file_from_a_newer_version_is_refused() {
    let person = Person::new(1);
    person
        .types(&["run", "hello", "--param", "pause=1ms"])
        .exits(0);
    let file = rusqlite::Connection::open(person.state()).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    drop(file);
    let said = person.types(&["list"]).exits(2);
    assert!(said.err.contains("newer"), "{}", said.err);
}

#[test]
fn a_state_file_that_cannot_be_made_is_said_so() {
    let person = Person::new(1);
    let blocked = person.folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let state = blocked.join("state.db").display().to_string();
    let said = person.types(&["run", "hello", "--state", &state]).exits(2);
    assert!(
        said.err.contains("cannot open the state file") && said.err.contains("--state"),
        "{}",
        said.err
    );
}

#[test]
fn a_full_disk_is_said_to_be_one() {
    let person = Person::new(1);
    // /dev/full answers every write as a full disk does.
    let said = person
        .types(&["run", "hello", "--state", "/dev/full"])
        .exits(1);
    assert!(
        said.err.contains("the disk that holds /dev/full is full"),
        "{}",
        said.err
    );
    assert!(said.err.contains("runbook resume"), "{}", said.err);
    assert!(said.out.is_empty(), "nothing was started: {}", said.out);
}

const WHO: &str = "name: who\ndefaults: { retry: { attempts: 1 } }\nsteps:\n  - { id: who, uses: aws.sts.whoami, region: us-east-1, timeout: 20s }\n";

#[test]
fn without_credentials_the_step_says_how_to_get_some() {
    let person = Person::new(1);
    let file = person.runbook("who", WHO);
    let said = person.types(&["run", &file]).exits(1);
    assert!(said.out.contains("no AWS credentials"), "{}", said.out);
    assert!(said.out.contains("AWS_PROFILE"), "{}", said.out);
    assert!(said.out.contains("runbook resume"), "{}", said.out);
}

#[test]
fn an_endpoint_that_does_not_answer_is_named_and_the_run_is_resumable() {
    let person = Person::new(1);
    let file = person.runbook("who", WHO);
    let mut command = person.command(&["run", &file]);
    command
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b")
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    let output = command.output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(
        out.contains("127.0.0.1:1") && out.contains("runbook resume"),
        "{out}"
    );
}

#[test]
fn a_machine_without_python_is_told_what_to_install() {
    let person = Person::new(1);
    let cache = person.folder.path().join("cache");
    let mut command = person.command(&["sandbox", "start"]);
    command
        .env("PATH", person.folder.path())
        .env("RUNBOOK_CACHE", &cache)
        .env("RUNBOOK_SANDBOX_DIR", person.folder.path().join("sandbox"));
    let output = command.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("python3") && err.contains("install"), "{err}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let person = Person::new(1);
    let mut command = person.command(&["sandbox", "start", "--port", &port]);
    command.env("RUNBOOK_SANDBOX_DIR", person.folder.path().join("sandbox"));
    let output = command.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains(&port), "{err}");
}

#[test]
fn no_project_is_no_reason_to_fail_badly() {
    let person = Person::alone();
    assert!(
        person
            .types(&["validate"])
            .exits(2)
            .err
            .contains("runbooks")
    );
    assert!(
        person
            .types(&["run", "hello"])
            .exits(2)
            .err
            .contains("there is no runbook")
    );
    person.types(&["list"]).exits(0);
}
