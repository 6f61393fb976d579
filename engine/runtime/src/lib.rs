//! runbook-runtime
