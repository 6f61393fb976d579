//! Commands that need no AWS.

use std::time::{Duration, Instant};

use crate::support::Person;

#[test]
fn a_first_runbook_needs_nothing() {
    let person = Person::new(1);
    let said = person
        .types(&[
            "run",
            "hello",
            "--param",
            "name=Ada",
            "--param",
            "pause=10ms",
        ])
        .exits(0);
    assert!(said.out.contains("Hello, Ada!"), "{}", said.out);
    assert!(said.out.contains("succeeded  hello"), "{}", said.out);
    let run = &person.runs()[0];
    let shown = person.shown(run);
    assert_eq!(shown["status"], "succeeded");
    assert_eq!(shown["outputs"]["greeting"], "Hello, Ada!");
    let events = person.types(&["events", run, "--json"]).exits(0);
    let last: serde_json::Value = serde_json::from_str(events.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "finished");
    assert!(
        person
            .types(&["logs", run])
            .exits(0)
            .out
            .contains("Hello, Ada!")
    );
    assert!(
        person
            .types(&["show", run, "machine"])
            .exits(0)
            .out
            .contains("shell.run")
    );
}

#[test]
fn json_is_one_event_a_line_and_a_result_at_the_end() {
    let person = Person::new(1);
    let said = person
        .types(&["run", "hello", "--param", "pause=10ms", "--json"])
        .exits(0);
    let values = serde_json::Deserializer::from_str(&said.out).into_iter::<serde_json::Value>();
    let values: Vec<_> = values.map(Result::unwrap).collect();
    assert_eq!(values[0]["kind"], "started");
    let result = values.last().unwrap();
    assert_eq!(
        (&result["kind"], &result["exit_code"]),
        (&"result".into(), &0.into())
    );
}

#[test]
fn a_question_stops_with_3_and_an_answer_goes_on() {
    let person = Person::new(1);
    let file = person.runbook(
        "ask",
        "name: ask\nsteps:\n  - { id: go, uses: approval, with: { message: Really? } }\n  - { id: done, uses: log, with: { message: 'by {{ steps.go.by }}' } }\n",
    );
    let said = person.types(&["run", &file]).exits(3);
    let run = person.runs()[0].clone();
    assert!(
        said.out.contains(&format!("runbook approve {run} go")),
        "{}",
        said.out
    );
    assert!(
        person
            .types(&["approve", &run, "stop"])
            .exits(2)
            .err
            .contains("does not ask `stop`")
    );
    person
        .types(&["approve", &run, "go", "--comment", "fine"])
        .exits(0);
    assert_eq!(person.shown(&run)["status"], "succeeded");
    person.types(&["run", &file]).exits(3);
    let second = person.runs().into_iter().find(|one| *one != run).unwrap();
    person.types(&["reject", &second]).exits(1);
    assert_eq!(person.shown(&second)["status"], "failed");
}

#[test]
fn a_missed_objective_is_4() {
    let person = Person::new(1);
    let file = person.runbook(
        "slow",
        "name: slow\nobjectives: { rto: 10ms }\nsteps:\n  - { id: nap, uses: wait, with: { for: 60ms }, marks: service_restored }\n",
    );
    let said = person.types(&["run", &file]).exits(4);
    assert!(said.out.contains("missed"), "{}", said.out);
}

#[test]
fn a_held_lock_refuses_with_5_and_a_cancelled_run_frees_it() {
    let person = Person::new(1);
    let file = person.runbook(
        "locked",
        "name: locked\nlock: the/key\nsteps:\n  - { id: go, uses: approval, with: { message: Really? } }\n",
    );
    person.types(&["run", &file]).exits(3);
    let run = person.runs()[0].clone();
    let refused = person.types(&["run", &file]).exits(5);
    assert!(refused.err.contains(&run), "{}", refused.err);
    person
        .types(&["cancel", &run, "--reason", "enough"])
        .exits(0);
    assert_eq!(person.shown(&run)["status"], "cancelled");
    person.types(&["run", &file]).exits(3);
}

#[test]
fn ctrl_c_finishes_the_step_in_hand_and_resume_goes_on() {
    let person = Person::new(1);
    let mark = person.folder.path().join("mark");
    let file = person.runbook(
        "long",
        &format!(
            "name: long\nsteps:\n  - {{ id: slow, uses: shell.run, with: {{ argv: [sh, -c, 'echo begun >> {0}; sleep 1; echo ended >> {0}'] }} }}\n  - {{ id: next, uses: shell.run, with: {{ argv: [sh, -c, 'echo next >> {0}'] }} }}\n",
            mark.display()
        ),
    );
    let mut child = person.begins(&["run", &file]);
    let patience = Instant::now();
    while !mark.exists() {
        assert!(patience.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = child.id().to_string();
    std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), "begun\nended\n");
    person.types(&["resume"]).exits(0);
    assert_eq!(
        std::fs::read_to_string(&mark).unwrap(),
        "begun\nended\nnext\n"
    );
}

#[test]
fn a_killed_command_is_in_doubt_until_a_person_says() {
    let person = Person::new(1);
    let mark = person.folder.path().join("mark");
    let file = person.runbook(
        "doubt",
        &format!(
            "name: doubt\nsteps:\n  - {{ id: once, uses: shell.run, with: {{ argv: [sh, -c, 'echo begun >> {}; exec sleep 30'] }} }}\n",
            mark.display()
        ),
    );
    let mut child = person.begins(&["run", &file]);
    let patience = Instant::now();
    while !mark.exists() {
        assert!(patience.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let said = person.types(&["resume"]).exits(3);
    assert!(said.out.contains("runbook resolve"), "{}", said.out);
    let run = person.runs()[0].clone();
    let done = r#"{"code":0,"stdout":"","stderr":""}"#;
    person
        .types(&[
            "resolve", &run, "once", "--done", done, "--reason", "looked",
        ])
        .exits(0);
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), "begun\n");
}

#[test]
fn environments_show_and_differ() {
    let person = Person::new(1);
    assert!(
        person
            .types(&["env", "show", "prod"])
            .exits(0)
            .out
            .contains("instance_type: t3.medium")
    );
    let said = person.types(&["env", "diff", "staging", "prod"]).exits(0);
    assert!(said.out.contains("vars.instance_type"), "{}", said.out);
    assert!(!said.out.contains("vars.vpc_cidr"), "{}", said.out);
}

#[test]
fn shipped_runbooks_are_valid_and_step_types_have_manuals() {
    let person = Person::new(1);
    let said = person.types(&["validate", "--env", "prod"]).exits(0);
    assert!(
        said.out.contains("ok    runbooks/prod-failover.yaml"),
        "{}",
        said.out
    );
    let manual = person
        .types(&["steps", "show", "aws.ec2.vpc.ensure"])
        .exits(0);
    assert!(manual.out.contains("ec2:CreateVpc"), "{}", manual.out);
    assert!(
        person
            .types(&["steps"])
            .exits(0)
            .out
            .contains("aws.route53.records.failover")
    );
    for which in ["runbook", "environment"] {
        let schema = person.types(&["schema", which]).exits(0);
        let schema: serde_json::Value = serde_json::from_str(&schema.out).unwrap();
        assert!(schema["properties"].is_object());
    }
    assert!(
        person
            .types(&["completions", "bash"])
            .exits(0)
            .out
            .contains("_runbook")
    );
}

#[test]
fn the_schemas_in_the_repository_are_those_of_the_binary() {
    let person = Person::new(1);
    for which in ["runbook", "environment"] {
        let path = crate::support::root().join(format!("schemas/{which}.schema.json"));
        let kept = std::fs::read_to_string(&path).unwrap();
        let made = person.types(&["schema", which]).exits(0).out;
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert!(
            json(&kept) == json(&made),
            "run `runbook schema {which} > schemas/{which}.schema.json`"
        );
    }
}

#[test]
fn a_parameter_is_read_as_its_type_says() {
    let person = Person::alone();
    let file = person.runbook(
        "typed",
        "name: typed\nparams:\n  version: { type: string }\n  count: { type: integer }\nsteps:\n  - id: say\n    uses: log\n    with: { message: \"version {{ params.version }}, {{ params.count }} times\" }\n",
    );
    let args = [
        "run",
        &file,
        "--param",
        "version=1.10",
        "--param",
        "count=2",
    ];
    let said = person.types(&args).exits(0);
    assert!(said.out.contains("version 1.10, 2 times"), "{}", said.out);
    let said = person
        .types(&["run", &file, "--param", "version=1", "--param", "count=two"])
        .exits(2);
    assert!(said.err.contains("count"), "{}", said.err);
}

#[test]
fn an_idempotency_key_stands_for_one_request() {
    let person = Person::new(1);
    let run = |extra: &[&str]| {
        let args: Vec<&str> = [
            "run",
            "hello",
            "--param",
            "pause=1ms",
            "--idempotency-key",
            "k",
        ]
        .iter()
        .chain(extra)
        .copied()
        .collect();
        person.types(&args)
    };
    run(&[]).exits(0);
    run(&[]).exits(0);
    assert_eq!(person.runs().len(), 1);
    let said = run(&["--param", "name=Ada"]).exits(2);
    assert!(said.err.contains("idempotency key `k`"), "{}", said.err);
    assert_eq!(person.runs().len(), 1);
}

#[test]
fn a_report_tells_what_happened() {
    let person = Person::new(1);
    person
        .types(&["run", "hello", "--param", "pause=1ms"])
        .exits(0);
    let said = person.types(&["report"]).exits(0);
    for word in [
        "# hello",
        "| environment | local |",
        "| greet | succeeded |",
    ] {
        assert!(said.out.contains(word), "{word}: {}", said.out);
    }
    let said = person.types(&["report", "--json"]).exits(0);
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["runs"][0]["status"], "succeeded");
}

#[test]
fn a_recovery_point_that_is_not_found_misses_the_objective() {
    let person = Person::new(1);
    // The second one fails and is tolerated, or is not wanted at all.
    let book = |second: &str| {
        format!(
            "name: points\nobjectives: {{ rpo: 5m }}\nsteps:\n  - {{ id: one, uses: log, marks: recovery_point, with: {{ message: found }} }}\n  - {{ id: two, uses: assert, marks: recovery_point, on_failure: continue, {second} }}\n"
        )
    };
    let file = person.runbook("points", &book("with: { that: 'false' }"));
    let said = person.types(&["run", &file]).exits(4);
    assert!(said.out.contains("not measured"), "{}", said.out);
    let run = person.runs()[0].clone();
    let shown = person.shown(&run);
    assert_eq!(shown["status"], "objective_missed");
    assert_eq!(shown["objectives"][0]["met"], false);

    let file = person.runbook("points", &book("when: 'false', with: { that: 'true' }"));
    person.types(&["run", &file]).exits(0);
}

#[test]
fn a_form_is_answered_with_its_types() {
    let person = Person::new(1);
    let file = person.runbook(
        "form",
        "name: form\nsteps:\n  - id: go\n    uses: manual\n    with:\n      message: Do it\n      form:\n        ticket: { type: string }\n        count: { type: integer, min: 1 }\n        drain: { type: duration, default: 90s }\n  - { id: done, uses: log, with: { message: '{{ steps.go.ticket }} {{ steps.go.count }} {{ steps.go.drain }}' } }\n",
    );
    person.types(&["run", &file]).exits(3);
    let run = person.runs()[0].clone();
    let approve = |answers: &[&str]| {
        let mut args = vec!["approve", &run, "go"];
        for answer in answers {
            args.extend(["--answer", answer]);
        }
        person.types(&args)
    };
    let said = approve(&["count=none", "tikcet=1.10"]).exits(2);
    for line in [
        "step `go` does not ask for `tikcet`; did you mean `ticket`?",
        "answer `count` has to be a whole number, not the text `none`",
        "answer `ticket` is missing",
        "it takes count, [drain], ticket",
    ] {
        assert!(said.err.contains(line), "{line}: {}", said.err);
    }
    let said = approve(&["count=0", "ticket=1.10"]).exits(2);
    assert!(said.err.contains("`0` is below 1"), "{}", said.err);
    let refused = person
        .types(&["reject", &run, "go", "--answer", "count=1"])
        .exits(2);
    assert!(refused.err.contains("--comment"), "{}", refused.err);
    assert_eq!(
        person.shown(&run)["status"],
        "waiting",
        "nothing was recorded"
    );
    let said = approve(&["count=2", "ticket=1.10"]).exits(0);
    assert!(said.out.contains("1.10 2 1m30s"), "{}", said.out);
}
