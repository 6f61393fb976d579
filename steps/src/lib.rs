//! runbook-steps
