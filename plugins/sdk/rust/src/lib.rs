//! Write step plugins for runbook.
//!
//! ```
//! use runbook_plugin::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! pub struct Greeting { /// Whom to greet.
//!     whom: String }
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! pub struct Greeted { text: String }
//!
//! struct Greet;
//! impl Step for Greet {
//!     const NAME: &str = "greet";
//!     const SUMMARY: &str = "Says hello";
//!     const IDEMPOTENCY: Idempotency = Idempotency::Pure;
//!     type Input = Greeting;
//!     type Output = Greeted;
//!     fn run(input: Greeting) -> StepResult<Outcome<Greeted>> {
//!         Ok(Outcome::Done(Greeted { text: format!("hello {}", input.whom) }))
//!     }
//! }
//!
//! runbook_plugin::plugin! { wants: [], steps: [Greet] }
//! # fn main() {}
//! ```
//!
//! Name, version, summary and homepage of the plugin are those of its
//! `Cargo.toml`. `?` turns every error into a [`StepError`]; the errors of
//! [`http`] and [`aws`] arrive already classified.
#![warn(missing_docs)]

pub mod aws;
#[doc(hidden)]
pub mod bindings;
pub mod context;
#[doc(hidden)]
pub mod descriptor;
mod error;
#[cfg(not(target_family = "wasm"))]
pub mod fake;
pub mod host;
pub mod http;
#[doc(hidden)]
pub mod step;

pub use descriptor::Want;
pub use error::{Kind, StepError, StepResult};
pub use step::{Effect, Idempotency, Outcome, Step, Verdict};

pub use schemars;
pub use serde;
pub use serde_json;

/// What a plugin usually needs.
pub mod prelude {
    pub use crate::host::{checkpoint, log, progress, secrets, state};
    pub use crate::{
        Effect, Idempotency, Kind, Outcome, Step, StepError, StepResult, Verdict, Want, aws,
        context, http,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}

/// Makes the component: `plugin! { config: Config, wants: [...], steps: [...],
/// exports: [recovery, compensation, preview] }`. `config` and `exports` may be
/// left out; an ability that is not listed is not exported, and the engine then
/// knows that the plugin does not have it; a step that needs one which is not
/// listed does not compile.
#[macro_export]
macro_rules! plugin {
    (
        $(config: $config:ty,)?
        wants: [$($want:expr),* $(,)?],
        steps: [$($step:ty),+ $(,)?]
        $(, exports: [$($export:ident),* $(,)?])?
        $(,)?
    ) => {
        /// What this plugin is.
        pub const PLUGIN: $crate::descriptor::Plugin = $crate::descriptor::Plugin {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            summary: env!("CARGO_PKG_DESCRIPTION"),
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            config: $crate::__config!($($config)?),
            wants: &[$($want),*],
            steps: &[$($crate::step::entry::<$step>()),+],
        };

        const _: () = $crate::step::check(PLUGIN.steps, &[$($(stringify!($export)),*)?]);

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;
            $crate::__export!(steps);
            $($($crate::__export!($export);)*)?
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __config {
    () => {
        $crate::descriptor::no_config
    };
    ($config:ty) => {
        $crate::descriptor::input_schema::<$config>
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (steps) => {
        impl $crate::bindings::plugin::exports::runbook::plugin::steps::Guest for Component {
            fn describe() -> String {
                PLUGIN.describe().to_string()
            }

            fn run(
                step: String,
                inputs: String,
            ) -> Result<
                $crate::bindings::host::types::Outcome,
                $crate::bindings::host::types::StepError,
            > {
                Ok($crate::step::find(PLUGIN.steps, &step).and_then(|entry| (entry.run)(&inputs))?)
            }
        }
        $crate::bindings::plugin::export_steps!(Component with_types_in $crate::bindings::plugin);
    };
    (recovery) => {
        impl $crate::bindings::recovery::exports::runbook::plugin::recovery::Guest for Component {
            fn reconcile(
                step: String,
                inputs: String,
            ) -> Result<
                $crate::bindings::host::types::Verdict,
                $crate::bindings::host::types::StepError,
            > {
                Ok($crate::step::find(PLUGIN.steps, &step)
                    .and_then(|entry| (entry.reconcile)(&inputs))?)
            }
        }
        $crate::bindings::recovery::export_recovery!(
            Component with_types_in $crate::bindings::recovery
        );
    };
    (compensation) => {
        impl $crate::bindings::compensation::exports::runbook::plugin::compensation::Guest
            for Component
        {
            fn undo(
                step: String,
                inputs: String,
                outputs: String,
            ) -> Result<
                $crate::bindings::host::types::Outcome,
                $crate::bindings::host::types::StepError,
            > {
                Ok($crate::step::find(PLUGIN.steps, &step)
                    .and_then(|entry| (entry.undo)(&inputs, &outputs))?)
            }
        }
        $crate::bindings::compensation::export_compensation!(
            Component with_types_in $crate::bindings::compensation
        );
    };
    (preview) => {
        impl $crate::bindings::preview::exports::runbook::plugin::preview::Guest for Component {
            fn plan(
                step: String,
                inputs: String,
            ) -> Result<String, $crate::bindings::host::types::StepError> {
                Ok($crate::step::find(PLUGIN.steps, &step).and_then(|entry| (entry.plan)(&inputs))?)
            }
        }
        $crate::bindings::preview::export_preview!(
            Component with_types_in $crate::bindings::preview
        );
    };
}
