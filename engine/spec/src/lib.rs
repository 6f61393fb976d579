//! runbook-spec
