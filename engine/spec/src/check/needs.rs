//! What a step waits for: known steps of its own section, without a circle.

use std::collections::BTreeMap;

use super::Report;
use crate::diagnostic::Code;
use crate::document::{Document, section_name};
use crate::nearest::hint;

pub(crate) const CODES: &[Code] = &[UNKNOWN, SECTION, CYCLE];

const UNKNOWN: Code = Code {
    code: "R012",
    title: "a step needs one that does not exist",
    explanation: "`needs` lists the ids of the steps that a step waits for. Without `needs` it waits \
                  for the step above it; `needs: []` lets it start at once.",
};

const SECTION: Code = Code {
    code: "R013",
    title: "a step needs one of another section",
    explanation: "`finally` begins when every step of `steps` has ended, `on_cancel` when a run is \
                  cancelled. Waiting across sections is therefore either always given or never.",
};

const CYCLE: Code = Code {
    code: "R014",
    title: "steps wait for each other in a circle",
    explanation: "Each of these steps waits for the next one, so none of them could ever start.",
};

/// The needs of every step, as indexes; wrong ones are reported and left out.
pub(crate) fn resolve(report: &mut Report, document: &Document<'_>) -> Vec<Vec<usize>> {
    let steps = &document.steps;
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        index.entry(step.id.as_str()).or_insert(at);
    }
    let mut needs = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        let Some(given) = &step.needs else {
            let above = at
                .checked_sub(1)
                .filter(|above| steps[*above].section == step.section);
            needs.push(above.into_iter().collect());
            continue;
        };
        let mut resolved = Vec::new();
        for node in given {
            let id = node.text().unwrap_or_default();
            match index.get(id) {
                None => {
                    let others = steps
                        .iter()
                        .filter(|one| one.section == step.section && one.id != step.id);
                    let wrong = report
                        .wrong(
                            &UNKNOWN,
                            &node.span,
                            format!("step `{}` needs `{id}`, which does not exist", step.id),
                        )
                        .label("no step has this id")
                        .hint(hint(id, others.map(|one| one.id.as_str())));
                    report.push(wrong);
                }
                Some(&other) if steps[other].section != step.section => {
                    let (here, there) = (
                        section_name(step.section),
                        section_name(steps[other].section),
                    );
                    let wrong = report
                        .wrong(
                            &SECTION,
                            &node.span,
                            format!("step `{}` in `{here}` needs `{id}` in `{there}`", step.id),
                        )
                        .label(format!("a step of `{there}`"))
                        .help("needs stay within a section; leave it out");
                    report.push(wrong);
                }
                Some(&other) if !resolved.contains(&other) => resolved.push(other),
                Some(_) => {}
            }
        }
        needs.push(resolved);
    }
    needs
}

/// Reports every circle once and breaks it; gives the steps so that each comes after its needs.
pub(crate) fn order(
    report: &mut Report,
    document: &Document<'_>,
    needs: &mut [Vec<usize>],
) -> Vec<usize> {
    let mut walk = Walk {
        marks: vec![Mark::New; needs.len()],
        order: Vec::with_capacity(needs.len()),
    };
    for start in 0..needs.len() {
        while let Some(circle) = walk.visit(start, needs) {
            cycle(report, document, &circle);
            // Cut the circle's last edge so that the rest can be checked.
            if let [.., last] = circle.as_slice() {
                let first = circle[0];
                needs[*last].retain(|need| *need != first);
            }
            walk.marks
                .iter_mut()
                .filter(|mark| **mark == Mark::Open)
                .for_each(|mark| *mark = Mark::New);
        }
    }
    walk.order
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

struct Walk {
    marks: Vec<Mark>,
    order: Vec<usize>,
}

impl Walk {
    /// Depth first without recursion; a circle as the steps that wait for each other, in order.
    fn visit(&mut self, start: usize, needs: &[Vec<usize>]) -> Option<Vec<usize>> {
        if self.marks[start] != Mark::New {
            return None;
        }
        let mut path = vec![(start, 0)];
        self.marks[start] = Mark::Open;
        while let Some((step, next)) = path.last_mut() {
            let Some(&need) = needs[*step].get(*next) else {
                self.marks[*step] = Mark::Done;
                self.order.push(*step);
                path.pop();
                continue;
            };
            *next += 1;
            match self.marks[need] {
                Mark::Done => {}
                Mark::New => {
                    self.marks[need] = Mark::Open;
                    path.push((need, 0));
                }
                Mark::Open => {
                    let from = path.iter().position(|(step, _)| *step == need).unwrap_or(0);
                    return Some(path[from..].iter().map(|(step, _)| *step).collect());
                }
            }
        }
        None
    }
}

fn cycle(report: &mut Report, document: &Document<'_>, circle: &[usize]) {
    let steps = &document.steps;
    let ids: Vec<&str> = circle
        .iter()
        .chain(circle.first())
        .map(|step| steps[*step].id.as_str())
        .collect();
    let at = circle.iter().find_map(|step| {
        let node = steps[*step].needs.as_ref()?;
        node.iter()
            .find(|node| ids.contains(&node.text().unwrap_or_default()))
    });
    let span = at.map_or_else(|| steps[circle[0]].at.clone(), |node| node.span.clone());
    let wrong = report
        .wrong(
            &CYCLE,
            &span,
            format!("these steps wait for each other: {}", ids.join(" → ")),
        )
        .label("this closes the circle")
        .help(
            "a step without `needs` waits for the step above it; `needs: []` lets it start at once",
        );
    report.push(wrong);
}
