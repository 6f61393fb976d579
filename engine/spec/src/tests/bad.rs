//! Bad files. Each row is one file; the snapshot is what is printed.

use super::load;

fn row(name: &str, text: &str) {
    let printed = match load(text) {
        Ok(_) => "no mistake found".to_owned(),
        Err(wrong) => wrong.render_plain(),
    };
    insta::with_settings!({ description => text.trim(), omit_expression => true, prepend_module_to_snapshot => false, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!(name, printed);
    });
}

/// A file with these steps.
fn steps(name: &str, steps: &str) {
    row(
        name,
        &format!(
            "name: test\nparams:\n  domain: {{ type: string }}\n  count: {{ type: integer, default: 1 }}\nsteps:\n{steps}"
        ),
    );
}

macro_rules! rows {
    ($($name:ident: $kind:ident $text:expr;)+) => {
        $(#[test] fn $name() { $kind(stringify!($name), $text); })+
    };
}

rows! {
    not_yaml: row "name: test\nsteps: [\n";
    tabs: row "name: test\nsteps:\n\t- id: a\n";
    unquoted_template: row "name: test\nlock: {{ env.name }}\nsteps: []\n";
    duplicate_key: row "name: test\nname: again\nsteps: []\n";
    unknown_top_level_key: row "name: test\nstep: []\nsteps: []\n";
    missing_name_and_steps: row "summary: nothing\n";
    name_not_kebab: row "name: ProdFailover\nsteps: []\n";
    steps_no_list: row "name: test\nsteps: { a: 1 }\n";
    wrong_summary: row "name: test\nsummary: 5\nsteps: []\n";
    merge_key: row "name: test\nx: &x { a: 1 }\nsteps: []\n<<: *x\n";
    param_mistakes: row "name: test\nparams:\n  a: { type: str }\n  b: { type: string, min: 1 }\n  c: { type: integer, default: many }\n  d: { type: string, pattern: '(' }\n  e: { type: string, secret: true, default: x }\n  f: { description: no type }\n  g: { type: duration, min: soon }\n  h-h: { type: string }\n  i: { type: string, enum: [1] }\n  j: { type: list, items: { type: strin } }\nsteps: []\n";
    objective_never_measured: row "name: test\nobjectives: { rto: 15m, rpo: 5m }\nsteps: []\n";
    wrong_on_failure: row "name: test\non_failure: retry\nsteps: []\n";
    lock_reads_steps: row "name: test\nlock: '{{ steps.a.by }}'\nsteps: []\n";
    default_reads_params: row "name: test\nparams:\n  a: { type: string, default: '{{ params.b }}' }\n  b: { type: string, default: '{{ env.dns.zome }}' }\nsteps: []\n";
    output_of_unknown_step: row "name: test\nsteps: []\noutputs: { a: '{{ steps.nope.by }}' }\n";

    step_without_id: steps "  - uses: wait\n    with: { for: 1s }\n";
    step_without_uses: steps "  - id: a\n";
    step_unknown_key: steps "  - id: a\n    uses: wait\n    with: { for: 1s }\n    need: []\n";
    step_bad_id: steps "  - id: My Step\n    uses: wait\n    with: { for: 1s }\n";
    duplicate_ids: steps "  - { id: a, uses: wait, with: { for: 1s } }\n  - { id: a, uses: wait, with: { for: 1s } }\n";
    unknown_type: steps "  - { id: a, uses: aws.route53.record.upset, with: {} }\n";
    short_type: steps "  - { id: a, uses: route53.record.upsert, with: {} }\n";
    unknown_plugin: steps "  - { id: a, uses: 'plugin:chat/notify' }\n";
    unknown_input: steps "  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, mesage: m, message: m }\n";
    missing_input: steps "  - id: a\n    uses: aws.route53.record.upsert\n    with: { zone: z }\n";
    no_with: steps "  - id: a\n    uses: aws.sns.publish\n";
    wrong_input_type: steps "  - id: a\n    uses: aws.route53.record.upsert\n    with: { zone: [z], name: n, type: A, weight: heavy, evaluate: 'yes' }\n";
    number_out_of_range: steps "  - id: a\n    uses: aws.route53.record.upsert\n    with: { zone: z, name: n, type: A, weight: 300 }\n";
    wrong_enum: steps "  - id: a\n    uses: aws.route53.record.upsert\n    with: { zone: z, name: n, type: CNAM }\n";
    nested_unknown_input: steps "  - id: a\n    uses: aws.route53.record.upsert\n    with: { zone: z, name: n, type: A, health: { pat: / } }\n";
    list_element: steps "  - id: a\n    uses: aws.elbv2.targets.health\n    with: { target_group: g, ports: [80, http] }\n";
    glued_template: steps "  - id: a\n    uses: aws.route53.record.upsert\n    with: { zone: z, name: n, type: A, weight: '1{{ params.count }}' }\n";
    needs_unknown: steps "  - { id: snapshot, uses: wait, with: { for: 1s } }\n  - id: promote\n    uses: wait\n    with: { for: 1s }\n    needs: [snapshoot]\n";
    needs_other_section: steps "  - { id: a, uses: wait, with: { for: 1s }, needs: [b] }\nfinally:\n  - { id: b, uses: wait, with: { for: 1s } }\n";
    needs_circle: steps "  - { id: a, uses: wait, with: { for: 1s }, needs: [c] }\n  - { id: b, uses: wait, with: { for: 1s } }\n  - { id: c, uses: wait, with: { for: 1s } }\n";
    needs_itself: steps "  - { id: a, uses: wait, with: { for: 1s }, needs: [a] }\n";
    template_syntax: steps "  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: 'x {{ params.domain' }\n";
    unknown_helper: steps "  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ uper params.domain }}' }\n";
    expression_syntax: steps "  - id: a\n    uses: wait\n    with: { for: 1s }\n    when: params.count > && true\n";
    expression_in_braces: steps "  - id: a\n    uses: wait\n    with: { for: 1s }\n    when: '{{ env.protected }}'\n";
    clock_function: steps "  - id: a\n    uses: wait\n    with: { for: 1s }\n    when: now() > 5\n";
    unknown_param: steps "  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: 'for {{ params.domian }} and {{ params.domian }}' }\n";
    unknown_root: steps "  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ domain }} {{ parms.x }}' }\n";
    unknown_variable: steps "  - id: a\n    uses: aws.sns.publish\n    with: { topic: '{{ env.alert_topic }}', message: '{{ env.dns.zome }} {{ env.aws.regoin }} {{ env.subnets.0.id }} {{ env.subnets.0.ip }}' }\n";
    unknown_run_field: steps "  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ run.name }} {{ schedule.slt }}' }\n";
    unknown_step: steps "  - { id: go, uses: approval, with: { message: m } }\n  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ steps.og.by }}' }\n";
    not_upstream: steps "  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ steps.b.message_id }}' }\n  - { id: b, uses: aws.sns.publish, with: { topic: t, message: m } }\n  - { id: c, uses: aws.sns.publish, needs: [], with: { topic: t, message: '{{ steps.b.message_id }}' } }\n";
    reads_itself: steps "  - id: a\n    uses: wait\n    with: { for: 1s }\n    when: steps.a.waited == '1s'\n";
    finally_is_later: steps "  - id: a\n    uses: wait\n    with: { for: 1s }\n    when: steps.b.waited == '1s'\nfinally:\n  - { id: b, uses: wait, with: { for: 1s } }\n";
    unknown_output: steps "  - { id: go, uses: approval, with: { message: m } }\n  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ steps.go.coment }}' }\n    when: steps.go.who == 'x'\n";
    nested_unknown_output: steps "  - { id: h, uses: aws.elbv2.targets.health, with: { target_group: g } }\n  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ steps.h.targets.0.stat }}' }\n";
    output_of_for_each: steps "  - { id: h, uses: aws.elbv2.targets.health, for_each: env.smoke_urls, with: { target_group: '{{ item }}' } }\n  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ steps.h.healthy }}' }\n    when: steps.h.healthy > 1\n";
    output_of_let: steps "  - { id: l, uses: let, with: { total: '1 + 1' } }\n  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ steps.l.totl }}' }\n";
    hyphen_in_expression: steps "  - { id: my-step, uses: wait, with: { for: 1s } }\n  - id: a\n    uses: wait\n    with: { for: 1s }\n    when: steps.my-step.waited == '1s'\n";
    item_outside: steps "  - id: a\n    uses: aws.sns.publish\n    with: { topic: t, message: '{{ item }}' }\n  - id: b\n    uses: aws.sns.publish\n    for_each: env.smoke_urls\n    when: item == 'x'\n    with: { topic: t, message: '{{ item }} {{ index }}' }\n";
    durations: steps "  - id: a\n    uses: wait\n    with: { for: 1s }\n    timeout: 30\n    retry: { delay: soon, max_delay: 0s }\n";
    retries: steps "  - id: a\n    uses: wait\n    with: { for: 1s }\n    retry: { attempts: 0, delay: 1m, max_delay: 1s, backoff: 0.5, jitter: some, on: [throtled] }\n";
    for_each_limits: steps "  - id: a\n    uses: wait\n    with: { for: 1s }\n    for_each: '[1]'\n    max_parallel: 0\n    max_failures: 200%\n  - { id: b, uses: wait, with: { for: 1s }, max_parallel: 2, interval: 1s }\n";
    until_on_a_change: steps "  - id: a\n    uses: aws.route53.record.upsert\n    with: { zone: z, name: n, type: A }\n    until: name == 'x'\n";
    until_unknown_name: steps "  - id: a\n    uses: aws.elbv2.targets.health\n    with: { target_group: g }\n    until: target.size() > 0 && targets[0].stat == 'healthy'\n";
    wrong_undo: steps "  - { id: a, uses: aws.sns.publish, with: { topic: t, message: m }, undo: never }\n  - id: b\n    uses: aws.sns.publish\n    with: { topic: t, message: m }\n    undo: { uses: wait, with: { for: 1s } }\n  - id: c\n    uses: aws.sns.publish\n    with: { topic: t, message: m }\n    undo: { uses: aws.sns.publish, with: { topic: '{{ steps.c.message_id }}', mesage: m } }\n";
    child_not_there: steps "  - id: a\n    uses: runbook\n    with: { file: nope.yaml }\n  - id: b\n    uses: runbook\n    with: { file: '{{ params.domain }}.yaml' }\n";
    template_of_another_type: steps "  - { id: h, uses: aws.elbv2.targets.health, with: { target_group: '{{ params.count }}', ports: '{{ env.smoke_urls }}' } }\n  - id: a\n    uses: aws.route53.record.upsert\n    with: { zone: '{{ env.dns }}', name: '{{ params.domain }}', type: A, weight: '{{ params.domain }}', evaluate: '{{ steps.h.healthy }}' }\n";
    expression_of_another_type: steps "  - id: a\n    uses: wait\n    with: { for: 5 }\n    when: params.domain\n    for_each: env.dns\n";
    in_a_block: steps "  - id: a\n    uses: aws.sns.publish\n    with:\n      topic: t\n      message: |\n        First line.\n        Then {{ params.domain }},\n        then {{ params.nope }}.\n";
    many_at_once: row "name: Many\nsteps:\n  - id: a\n    uses: aws.sns.publsh\n  - id: a\n    needs: [z]\n    uses: wait\n    with: { for: 1s, x: 1 }\n    when: params.q\n";
}
