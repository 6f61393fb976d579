use super::Project;
use crate::grant::Use;

const FILE: &str = "plugins/plugins.yaml";

const TEXT: &str = r#"
plugins:
  chat-notify:
    source: path:plugins/chat-notify
    signed_by: [sre-2026]
    grant:
      http: ["POST https://hooks.example.org/services/*"]
      secrets: { chat_token: attach }
      aws: ["rds:DescribeDBInstances", "rds:PromoteReadReplica@us-west-2", "s3 GET /bucket/*"]
      state: true
      once: [post]
    limits: { memory: 64MiB, cpu: 5s, call: 60s, log_lines: 1000 }
  http-smoke:
    source: oci://registry.example.com/sre/http-smoke:0.1
signers:
  sre-2026: { minisign: "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3" }
"#;

fn wrong(text: &str) -> String {
    Project::parse(FILE, text).unwrap_err().to_string()
}

#[test]
fn a_project_is_read() {
    let project = Project::parse(FILE, TEXT).unwrap();
    let chat = &project.plugins["chat-notify"];
    assert_eq!(chat.grant.secrets["chat_token"], Use::Attach);
    assert_eq!(chat.grant.aws.len(), 3);
    assert!(chat.grant.state && chat.grant.once.contains("post"));
    assert_eq!(chat.limits.log_lines, Some(1000));
    let smoke = &project.plugins["http-smoke"];
    assert!(smoke.grant.http.is_empty() && smoke.signed_by.is_empty() && !smoke.grant.state);
    assert_eq!(project.signers.len(), 1);
}

#[test]
fn a_project_without_the_file_has_no_plugins() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Project::load(folder.path()).unwrap().plugins.is_empty());
    std::fs::create_dir(folder.path().join("plugins")).unwrap();
    std::fs::write(folder.path().join(FILE), TEXT).unwrap();
    assert_eq!(Project::load(folder.path()).unwrap().plugins.len(), 2);
    std::fs::write(folder.path().join(FILE), "# none yet\n").unwrap();
    assert!(Project::load(folder.path()).unwrap().plugins.is_empty());
}

#[test]
fn a_mistake_is_shown_with_its_line() {
    let said = wrong(&TEXT.replace("secrets:", "secret:"));
    assert_eq!(
        said,
        "plugins/plugins.yaml:8:7: unknown key `secret` in `plugins.chat-notify.grant` (did you mean `secrets`?)\n    8 |       secret: { chat_token: attach }\n      |       ^"
    );
    let said = wrong(&TEXT.replace("[sre-2026]", "[sre-2025]"));
    assert!(
        said.starts_with(
            "plugins/plugins.yaml:5:17: there is no signer `sre-2025` (did you mean `sre-2026`?)"
        ),
        "{said}"
    );
    let said = wrong(&TEXT.replace("POST https://hooks", "POST hooks"));
    assert!(said.starts_with("plugins/plugins.yaml:7:"), "{said}");
    assert!(said.contains("the scheme is missing"), "{said}");
    let said = wrong(&TEXT.replace("s3 GET /bucket", "s3 GET bucket"));
    assert!(said.starts_with("plugins/plugins.yaml:9:"), "{said}");
}

#[test]
fn every_kind_of_mistake_is_refused() {
    let says = |from: &str, to: &str, part: &str| {
        let said = wrong(&TEXT.replace(from, to));
        assert!(said.contains(part), "{said}");
    };
    says("attach }", "steal }", "`attach`");
    says("memory: 64MiB", "memory: 64 megs", "64MiB");
    says("memory:", "memroy:", "did you mean `memory`?");
    says("path:plugins", "plugins", "path:plugins/NAME");
    says(
        "http-smoke:\n",
        "chat-notify:\n",
        "`chat-notify` stands here twice",
    );
    says("http-smoke:\n", "Smoke:\n", "kebab-case");
    says("RWQf6", "Rubbish", "public key of minisign");
    says(
        "    source: oci://registry.example.com/sre/http-smoke:0.1",
        "    grant: {}",
        "missing field `source`",
    );
    says("signers:", "signer:", "did you mean `signers`?");
    says(
        "chat_token: attach }",
        "chat_token: attach, chat_token: read }",
        "stands here twice",
    );
    assert!(wrong("plugins: [a]").contains("expected a map"));
    assert!(wrong("plugins: [}").starts_with("plugins/plugins.yaml:1:"));
}
