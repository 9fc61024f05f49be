//! The product from outside: the built binary, its page in a real browser, and scripted agents, all on loopback.
//!
//! One test binary, so that it links once. A test that opens a browser is named `page_…`: those run one at a time.
//! Nothing here knows the inside of a room; start reading at the file that is named after what a person does.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a premise that doesn't hold fails the test here"
)]
#![expect(clippy::print_stderr, reason = "what is skipped or left behind must be seen")]

#[path = "e2e/agents.rs"]
mod agents;
#[path = "e2e/browser.rs"]
mod browser;
#[path = "e2e/browser_check.rs"]
mod browser_check;
#[path = "e2e/built.rs"]
mod built;
#[path = "e2e/cli.rs"]
mod cli;
#[path = "e2e/config.rs"]
mod config;
#[path = "e2e/discord.rs"]
mod discord;
#[path = "e2e/discord/complaints.rs"]
mod discord_complaints;
#[path = "e2e/discord_contract.rs"]
mod discord_contract;
#[path = "e2e/discord_forms.rs"]
mod discord_forms;
#[path = "e2e/discord/gates.rs"]
mod discord_gates;
#[path = "e2e/discord/kill.rs"]
mod discord_kill;
#[path = "e2e/discord/native.rs"]
mod discord_native;
#[path = "e2e/discord/outages.rs"]
mod discord_outages;
#[path = "e2e/discord/places.rs"]
mod discord_places;
#[path = "e2e/discord/presses.rs"]
mod discord_presses;
#[path = "e2e/discord_setup.rs"]
mod discord_setup;
#[path = "e2e/discord/storms.rs"]
mod discord_storms;
#[path = "e2e/discord/talk.rs"]
mod discord_talk;
#[path = "e2e/discord/together.rs"]
mod discord_together;
#[path = "e2e/discord_twin.rs"]
mod discord_twin;
#[path = "e2e/disk.rs"]
mod disk;
#[path = "e2e/doctor.rs"]
mod doctor;
#[path = "e2e/driver.rs"]
mod driver;
#[path = "e2e/engines.rs"]
mod engines;
#[path = "e2e/engines_ending.rs"]
mod engines_ending;
#[path = "e2e/engines_holding.rs"]
mod engines_holding;
#[path = "e2e/engines_missing.rs"]
mod engines_missing;
#[path = "e2e/engines_places.rs"]
mod engines_places;
#[path = "e2e/engines_prompts.rs"]
mod engines_prompts;
#[path = "e2e/engines_sessions.rs"]
mod engines_sessions;
#[path = "e2e/engines_steps.rs"]
mod engines_steps;
#[path = "e2e/engines_ways.rs"]
mod engines_ways;
#[path = "e2e/gate.rs"]
mod gate;
#[path = "e2e/house.rs"]
mod house;
#[path = "e2e/kill.rs"]
mod kill;
#[path = "e2e/life.rs"]
mod life;
#[path = "e2e/marked.rs"]
mod marked;
#[path = "e2e/order.rs"]
mod order;
#[path = "e2e/page.rs"]
mod page;
#[path = "e2e/page_guard.rs"]
mod page_guard;
#[path = "e2e/page_looks.rs"]
mod page_looks;
#[path = "e2e/page_stop.rs"]
mod page_stop;
#[path = "e2e/page_talk.rs"]
mod page_talk;
#[path = "e2e/page_visit.rs"]
mod page_visit;
#[path = "e2e/plugin.rs"]
mod plugin;
#[path = "e2e/plugin_commands.rs"]
mod plugin_commands;
#[path = "e2e/plugin_engines.rs"]
mod plugin_engines;
#[path = "e2e/plugin_life.rs"]
mod plugin_life;
#[path = "e2e/plugin_listing.rs"]
mod plugin_listing;
#[path = "e2e/plugin_rude.rs"]
mod plugin_rude;
#[path = "e2e/plugin_rude_cancelled.rs"]
mod plugin_rude_cancelled;
#[path = "e2e/plugin_settings.rs"]
mod plugin_settings;
#[path = "e2e/plugin_transports.rs"]
mod plugin_transports;
#[path = "e2e/plugins.rs"]
mod plugins;
#[path = "e2e/program.rs"]
mod program;
#[path = "e2e/projects.rs"]
mod projects;
#[path = "e2e/random.rs"]
mod random;
#[path = "e2e/real.rs"]
mod real;
#[path = "e2e/setup.rs"]
mod setup;
#[path = "e2e/telegram.rs"]
mod telegram;
#[path = "e2e/telegram_contract.rs"]
mod telegram_contract;
#[path = "e2e/telegram_fetch.rs"]
mod telegram_fetch;
#[path = "e2e/telegram_files.rs"]
mod telegram_files;
#[path = "e2e/telegram_files_out.rs"]
mod telegram_files_out;
#[path = "e2e/telegram_forget.rs"]
mod telegram_forget;
#[path = "e2e/telegram_groups.rs"]
mod telegram_groups;
#[path = "e2e/telegram_joining.rs"]
mod telegram_joining;
#[path = "e2e/telegram_moving.rs"]
mod telegram_moving;
#[path = "e2e/telegram_pairing.rs"]
mod telegram_pairing;
#[path = "e2e/telegram_reload.rs"]
mod telegram_reload;
#[path = "e2e/telegram_sessions.rs"]
mod telegram_sessions;
#[path = "e2e/telegram_soak.rs"]
mod telegram_soak;
#[path = "e2e/telegram_topics.rs"]
mod telegram_topics;
#[path = "e2e/telegram_voice.rs"]
mod telegram_voice;
#[path = "e2e/wait.rs"]
mod wait;
