//! How unkind a world is, from its seed.

use crate::dice::Dice;

/// Percentages, and switches.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// `small`, `single`, or nothing for a random world.
    kind: &'static str,
    pub seed: u64,
    /// Steps of the root at most.
    pub steps: u64,
    /// A call is refused, lost, hangs: each so often.
    pub fault: u64,
    /// A commit kills the process, in 1000.
    pub crash: u64,
    /// Processes die at exactly these moments of commits, counted from the beginning.
    pub crash_at: Vec<u64>,
    /// How long nothing lives after each of these deaths, in milliseconds; chance says it when it is empty.
    pub downs: Vec<u64>,
    /// The runbook is one step that creates.
    pub single: bool,
    /// The operator meddles.
    pub meddles: bool,
    /// Processes stand still and others take over.
    pub stalls: bool,
    /// Processes are asked to stop.
    pub stops: bool,
    /// Until when all this goes on, in milliseconds.
    pub calm: u64,
}

impl Plan {
    /// A world of any kind.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let mut plan = Self {
            seed,
            steps: dice.between(1, 10),
            calm: dice.between(5, 90) * 1000,
            ..Self::default()
        };
        let kind = dice.roll(8);
        if matches!(kind, 1 | 3 | 5 | 7) {
            plan.crash = dice.between(5, 80);
        }
        if matches!(kind, 2 | 3 | 6 | 7) {
            plan.fault = dice.between(1, 12);
        }
        if matches!(kind, 4..=7) {
            plan.meddles = kind >= 5;
            plan.stalls = dice.chance(60);
            plan.stops = dice.chance(30);
        }
        plan
    }

    /// Nothing but a small graph that dies once.
    pub fn small(seed: u64, crash_at: Vec<u64>) -> Self {
        Self {
            seed,
            kind: "small",
            steps: 3,
            crash_at,
            calm: 60_000,
            ..Self::default()
        }
    }

    /// One create, and deaths at these moments: the second comes soon after the first, which is long ago.
    pub fn single(seed: u64, crash_at: Vec<u64>) -> Self {
        Self {
            kind: "single",
            single: true,
            downs: vec![30_000, 50],
            ..Self::small(seed, crash_at)
        }
    }

    /// The variables that name this world.
    pub fn line(&self) -> String {
        let (seed, kind) = (self.seed, self.kind);
        if kind.is_empty() {
            return format!("RUNBOOK_SEED={seed}");
        }
        let moments: Vec<String> = self.crash_at.iter().map(u64::to_string).collect();
        let moments = moments.join(",");
        format!("RUNBOOK_SEED={seed} RUNBOOK_WORLD={kind} RUNBOOK_CRASH={moments}")
    }

    /// The world that the environment names.
    pub fn named(seed: u64) -> Self {
        let moments = std::env::var("RUNBOOK_CRASH").unwrap_or_default();
        let moments = moments.split(',').filter_map(|one| one.parse().ok());
        match std::env::var("RUNBOOK_WORLD").as_deref() {
            Ok("single") => Self::single(seed, moments.collect()),
            Ok("small") => Self::small(seed, moments.collect()),
            _ => Self::of(seed),
        }
    }

    /// Whether anything may fail a run.
    pub fn is_harsh(&self) -> bool {
        self.fault > 0 || self.meddles
    }
}
