//! `/reasoning`: shows and sets how hard an engine thinks here. What it shares with `/model` is in `choice.rs`.

use takopi_core::id::NameError;
use takopi_core::port::command::{CommandSpec, OptionKind};
use takopi_core::port::ledger::PreferenceKey;

use crate::choice::{Choice, Choose};

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let engine = crate::option("engine", OptionKind::Engine, "the engine; not given: the one here");
    let level = crate::option("level", OptionKind::Level, "the level, or clear");
    let usage = "/reasoning [set [ENGINE] LEVEL | clear [ENGINE]]";
    crate::spec("reasoning", usage, "set reasoning override", vec![engine, level]).map(crate::private)
}

pub(crate) const COMMAND: Choose = Choose(&Choice {
    key: PreferenceKey::Reasoning,
    command: "reasoning",
    noun: "setting",
    plural: "reasoning overrides",
    right: "reasoning override",
    value: "LEVEL",
    configured: |options| options.reasoning,
    offered: |choices| choices.levels,
    closed: true,
    lower_case: true,
});
