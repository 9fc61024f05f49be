//! The contract of the commands' port, kept by the examples.

use takopi_core::id::CommandId;
use takopi_core::port::command::CommandSpec;
use takopi_core::testing::command::command_contract;
use takopi_plugin_host::PluginCommand;
use takopi_plugin_protocol::life::Settings;

use super::stage::Stage;

async fn keeps_the_contract(example: &str, command: &str) {
    let stage = Stage::example(example, Settings::default(), |_| {});
    let table = &stage.plugin.package().manifest.commands[command];
    let spec = CommandSpec {
        id: CommandId::parse(command).unwrap(),
        description: table.description.clone(),
        usage: table.usage.clone(),
        options: Vec::new(),
        ephemeral: false,
        access: table.access,
    };
    let command = PluginCommand::new(stage.plugin.clone(), spec.id.clone());
    command_contract(&spec, &command, false).await;
}

#[tokio::test]
async fn the_rust_example_keeps_the_contract_of_commands() {
    keeps_the_contract("rust-echo", "shout").await;
}

#[tokio::test]
async fn python_example_keeps_the_contract_of_commands() {
    keeps_the_contract("python-multi", "multi").await;
}

#[tokio::test]
async fn the_shell_example_keeps_the_contract_of_commands() {
    keeps_the_contract("sh-command", "disk").await;
}
