//! What can be typed after `takopi plugins`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use takopi_core::id::{PluginId, PluginKind};

use crate::cli::{ConfigArgument, plugin_id};

/// List engines, transports and commands, and what is wrong with them.
#[derive(Debug, Args)]
#[command(
    disable_help_subcommand = true,
    args_conflicts_with_subcommands = true,
    after_help = "Listing starts no plugin; `--load` starts each that is enabled, tries it and ends it. Exit codes: 0, and 1 \
                  when --load finds one that is enabled and broken.\n\nExamples:\n  takopi plugins --load\n  takopi plugins \
                  info weather\n  takopi plugins new weather --kind command --lang python\n  takopi plugins check ./weather"
)]
pub(in crate::cli) struct PluginsArguments {
    #[command(subcommand)]
    pub(super) command: Option<PluginsCommand>,
    #[command(flatten)]
    pub(super) list: ListArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum PluginsCommand {
    /// Show one plugin: where it comes from, what it may, and its settings
    Info(InfoArguments),
    /// Write a commented file of a plugin's settings, or bring it up to date
    Config(ConfigFileArguments),
    /// Make the folder of a new plugin that works at once
    New(NewArguments),
    /// Try a plugin you write on all that takopi expects of it
    Check(CheckArguments),
}

/// List them.
#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Load every plugin that is enabled, to see whether it works
    #[arg(long)]
    pub(super) load: bool,
    /// Only list them (default)
    #[arg(long, conflicts_with = "load")]
    pub(super) no_load: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) config: ConfigArgument,
}

/// Show one plugin.
#[derive(Debug, Args)]
pub(super) struct InfoArguments {
    /// The plugin's id, as `takopi plugins` lists it
    #[arg(value_parser = plugin_id)]
    pub(super) id: PluginId,
    /// Which one, when an engine and a command have the same id
    #[arg(long)]
    pub(super) kind: Option<Kind>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) config: ConfigArgument,
}

/// Write a commented file of a plugin's settings.
#[derive(Debug, Args)]
#[command(
    after_help = "The file has every setting with its meaning; defaults are commented out. What you have set in it stays, \
                  settings that are new appear, those that are gone go. takopi.toml outranks it."
)]
pub(super) struct ConfigFileArguments {
    /// The plugin's id, as `takopi plugins` lists it
    #[arg(value_parser = plugin_id)]
    pub(super) id: PluginId,
    /// Which one, when an engine and a command have the same id
    #[arg(long)]
    pub(super) kind: Option<Kind>,
    /// Print the file instead of writing it
    #[arg(long, conflicts_with = "path")]
    pub(super) print: bool,
    /// Print where the file is, or would be
    #[arg(long)]
    pub(super) path: bool,
    #[command(flatten)]
    pub(super) config: ConfigArgument,
}

/// Make the folder of a new plugin.
#[derive(Debug, Args)]
#[command(
    after_help = "The plugin in it passes `takopi plugins check`. Rust: needs cargo to be built; Python: Python 3.9 or newer."
)]
pub(super) struct NewArguments {
    /// Its id: a-z, 0-9 and _, at most 32; a command is typed as /NAME
    #[arg(value_parser = plugin_id)]
    pub(super) name: PluginId,
    /// What it is
    #[arg(long)]
    pub(super) kind: Kind,
    /// What it is written in
    #[arg(long, value_name = "LANGUAGE")]
    pub(super) lang: Language,
    /// Where its folder goes [default: ./NAME]
    #[arg(long, value_name = "PATH")]
    pub(super) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) config: ConfigArgument,
}

/// Try a plugin.
#[derive(Debug, Args)]
#[command(
    after_help = "It is started as takopi starts it, with its settings of the config file, and an engine of it does some short \
                  runs. Exit codes: 0 nothing fails, 1 something does."
)]
pub(super) struct CheckArguments {
    /// Its folder
    pub(super) folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) config: ConfigArgument,
}

/// What a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Runs prompts
    Engine,
    /// Carries messages
    Transport,
    /// Answers a slash command
    Command,
}

impl From<Kind> for PluginKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Engine => Self::Engine,
            Kind::Transport => Self::Transport,
            Kind::Command => Self::Command,
        }
    }
}

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// A Cargo project
    Rust,
    /// A script for Python 3
    Python,
    /// A script for the shell
    Sh,
}
