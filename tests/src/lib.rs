//! runbook-tests
