//! What `runbook-plugin.wit` says, as Rust.
#![allow(
    missing_docs,
    clippy::pedantic,
    unreachable_pub,
    reason = "made from the contract, which documents it"
)]

wasmtime::component::bindgen!({
    path: "../../plugins/wit",
    world: "plugin",
    imports: {
        "runbook:plugin/checkpoint": async | trappable,
        "runbook:plugin/state": async | trappable,
        "runbook:plugin/http": async | trappable,
        "runbook:plugin/aws": async | trappable,
        default: trappable,
    },
    exports: { default: async },
});

/// `recovery`, if the plugin exports it.
pub mod recovery {
    wasmtime::component::bindgen!({
        path: "../../plugins/wit",
        world: "with-recovery",
        exports: { default: async },
        with: { "runbook:plugin/types": super::runbook::plugin::types },
    });
}

/// `compensation`, if the plugin exports it.
pub mod compensation {
    wasmtime::component::bindgen!({
        path: "../../plugins/wit",
        world: "with-compensation",
        exports: { default: async },
        with: { "runbook:plugin/types": super::runbook::plugin::types },
    });
}

/// `preview`, if the plugin exports it.
pub mod preview {
    wasmtime::component::bindgen!({
        path: "../../plugins/wit",
        world: "with-preview",
        exports: { default: async },
        with: { "runbook:plugin/types": super::runbook::plugin::types },
    });
}
