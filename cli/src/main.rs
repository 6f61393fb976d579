//! runbook
fn main() {}
