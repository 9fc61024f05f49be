//! `/model`: shows and sets the model an engine runs with here. What it shares with `/reasoning` is in
//! `choice.rs`.

use takopi_core::id::NameError;
use takopi_core::port::command::{CommandSpec, OptionKind};
use takopi_core::port::ledger::PreferenceKey;

use crate::choice::{Choice, Choose};

pub(crate) fn spec() -> Result<CommandSpec, NameError> {
    let engine = crate::option("engine", OptionKind::Engine, "the engine; not given: the one here");
    let model = crate::option("model", OptionKind::Model, "the model, or clear");
    crate::spec(
        "model",
        "/model [set [ENGINE] MODEL | clear [ENGINE]]",
        "set model override",
        vec![engine, model],
    )
    .map(crate::private)
}

pub(crate) const COMMAND: Choose = Choose(&Choice {
    key: PreferenceKey::Model,
    command: "model",
    noun: "model",
    plural: "model overrides",
    right: "model override",
    value: "MODEL",
    configured: |options| options.model,
    offered: |choices| choices.models,
    // Others may work: an engine lists what it would offer, not what its service takes.
    closed: false,
    lower_case: false,
});
