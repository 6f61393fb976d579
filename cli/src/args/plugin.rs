//! What people do with plugins.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    #[command(subcommand)]
    pub(crate) command: PluginCommand,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Write a new plugin under plugins/: one step type, its fixtures, and the SDK; needs no network
    New {
        /// Its name, in kebab-case
        name: String,
        /// The language that it is written in
        #[arg(long, value_enum)]
        lang: Language,
    },
    /// Build a plugin, let it describe itself, and compile it
    Build {
        #[command(flatten)]
        which: Which,
        /// Show what the language's own build says, also when it succeeds
        #[arg(long, short)]
        verbose: bool,
    },
    /// Run the fixtures of a plugin against its component
    Test {
        #[command(flatten)]
        which: Which,
    },
    /// Build and test a plugin at every change
    Dev {
        #[command(flatten)]
        which: Which,
    },
    /// Show what a component says of itself, without running it
    Inspect {
        /// A component, a plugin's folder, a plugin of the project, or oci://registry/repository:tag
        what: String,
        /// Print a page of documentation
        #[arg(long, conflicts_with = "json")]
        markdown: bool,
    },
    /// Take a plugin into the project: look at what it wants, grant it, lock it
    Add {
        /// A plugin's folder or component, oci://registry/repository:tag, or a plugin that stands in
        /// plugins/plugins.yaml and is not locked yet
        source: String,
        /// What it is called here [default: its own name]
        #[arg(long)]
        name: Option<String>,
        /// Grant what it wants without asking
        #[arg(long, short)]
        yes: bool,
    },
    /// List the plugins of the project, with what each may do in each environment
    List,
    /// Check plugins against the lock, their signatures, and what they say of themselves
    Verify {
        /// The plugin
        name: Option<String>,
        /// All plugins of the project
        #[arg(long, conflicts_with = "name")]
        all: bool,
        /// Also as this environment asks: who may have signed
        #[arg(long, short, env = "RUNBOOK_ENV")]
        env: Option<String>,
    },
    /// Look for newer components, show what changed, and lock them
    Update {
        /// The plugin; all of the project when absent
        name: Option<String>,
        /// Lock them without asking
        #[arg(long, short)]
        yes: bool,
    },
    /// Put a component into a registry
    Push {
        /// Where: registry/repository:tag
        reference: String,
        #[command(flatten)]
        which: Which,
        /// Its signature [default: NAME.wasm.minisig beside the component, if it is there]
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
    },
}

/// Which plugin somebody works on.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The plugin: its folder, or its name under plugins/ [default: the current folder]
    pub(crate) plugin: Option<String>,
}

/// Languages that plugins are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust
    Rust,
    /// Python, through componentize-py
    Python,
    /// JavaScript, through QuickJS
    Js,
}
