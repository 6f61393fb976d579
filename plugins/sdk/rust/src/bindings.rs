//! What wit-bindgen makes of the contract: one world that every plugin has,
//! and one for each ability that a plugin may add. Authors never see these.
#![allow(
    missing_docs,
    reason = "generated from the contract, which has the comments"
)]
#![allow(clippy::all, reason = "generated")]

pub mod plugin {
    wit_bindgen::generate!({
        path: "wit",
        world: "plugin",
        pub_export_macro: true,
        export_macro_name: "export_steps",
        generate_all,
    });
}

pub mod recovery {
    wit_bindgen::generate!({
        path: "wit",
        world: "with-recovery",
        pub_export_macro: true,
        export_macro_name: "export_recovery",
        with: { "runbook:plugin/types@0.1.0": crate::bindings::plugin::runbook::plugin::types },
    });
}

pub mod compensation {
    wit_bindgen::generate!({
        path: "wit",
        world: "with-compensation",
        pub_export_macro: true,
        export_macro_name: "export_compensation",
        with: { "runbook:plugin/types@0.1.0": crate::bindings::plugin::runbook::plugin::types },
    });
}

pub mod preview {
    wit_bindgen::generate!({
        path: "wit",
        world: "with-preview",
        pub_export_macro: true,
        export_macro_name: "export_preview",
        with: { "runbook:plugin/types@0.1.0": crate::bindings::plugin::runbook::plugin::types },
    });
}

/// The host's functions: the real ones in a component, the fake ones in unit
/// tests that run without a host.
pub mod host {
    #[cfg(target_family = "wasm")]
    pub use super::plugin::runbook::plugin::{
        aws::call, checkpoint::save, context, http::send, log::write, progress, secrets, state,
    };
    #[cfg(not(target_family = "wasm"))]
    pub use crate::fake::host::{call, context, progress, save, secrets, send, state, write};

    pub use super::plugin::runbook::plugin::{
        aws as aws_types, http as http_types, log as log_types, state as state_types, types,
    };
}
