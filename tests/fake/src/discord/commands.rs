//! Application commands: what they may look like, how many there may be, and their registration.
//!
//! Limits: Discord developer documentation, "Application commands".

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::check::{length, list};
use super::refusal::{Refusal, bad_length, form, no_choice, required, too_long};
use super::world::World;

/// Characters of a command with all that is in it.
const MAX_SIZE: usize = 8000;

const MAX_COMMANDS: usize = 100;

const MAX_OPTIONS: usize = 25;

/// Tells whether a name is `^[-_'\p{L}\p{N}]{1,32}$` and in lower case.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "-_'".contains(c);
    (1..=32).contains(&name.chars().count()) && name.chars().all(fits) && name.to_lowercase() == name
}

fn check_name(value: &Value, path: &str) -> Result<(), Refusal> {
    match value.as_str().is_some_and(is_name) {
        true => Ok(()),
        false => Err(form(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")),
    }
}

fn check(command: &Value, path: &str) -> Result<(), Refusal> {
    if command["type"].as_u64().unwrap_or(1) != 1 {
        if !(1..=32).contains(&length(&command["name"])) {
            return Err(bad_length(&format!("{path}.name"), 1, 32));
        }
        let words = "Context menu commands cannot have a description";
        return match length(&command["description"]) {
            0 => Ok(()),
            _ => {
                let path = format!("{path}.description");
                Err(form(&path, "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", words))
            }
        };
    }
    check_name(&command["name"], &format!("{path}.name"))?;
    if !(1..=100).contains(&length(&command["description"])) {
        return Err(bad_length(&format!("{path}.description"), 1, 100));
    }
    check_options(list(&command["options"]), &format!("{path}.options"))?;
    match size(command) > MAX_SIZE {
        true => Err(form(path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)")),
        false => Ok(()),
    }
}

fn size(part: &Value) -> usize {
    let choice = |one: &Value| length(&one["name"]) + length(&one["value"]);
    length(&part["name"])
        + length(&part["description"])
        + list(&part["choices"]).iter().map(choice).sum::<usize>()
        + list(&part["options"]).iter().map(size).sum::<usize>()
}

fn check_options(options: &[Value], path: &str) -> Result<(), Refusal> {
    if options.len() > MAX_OPTIONS {
        return Err(bad_length(path, 0, MAX_OPTIONS));
    }
    let mut names = BTreeSet::new();
    let mut optional = false;
    for (place, option) in options.iter().enumerate() {
        let path = format!("{path}.{place}");
        check_name(&option["name"], &format!("{path}.name"))?;
        if !names.insert(option["name"].as_str()) {
            let words = "Option names must be unique";
            return Err(form(&path, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", words));
        }
        if !(1..=100).contains(&length(&option["description"])) {
            return Err(bad_length(&format!("{path}.description"), 1, 100));
        }
        if !option["type"].as_u64().is_some_and(|kind| (1..=11).contains(&kind)) {
            return Err(no_choice(&format!("{path}.type"), "1..11"));
        }
        let needed = option["required"] == true;
        if needed && optional {
            let words = "Required options must be placed before non-required options";
            return Err(form(&path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words));
        }
        optional |= !needed;
        check_choices(option, &path)?;
        if option["type"].as_u64().is_some_and(|kind| kind <= 2) {
            check_options(list(&option["options"]), &format!("{path}.options"))?;
        }
    }
    Ok(())
}

fn check_choices(option: &Value, path: &str) -> Result<(), Refusal> {
    let choices = list(&option["choices"]);
    if !choices.is_empty() && option["autocomplete"] == true {
        let path = format!("{path}.autocomplete");
        return Err(form(&path, "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE", "Cannot use both"));
    }
    suggestions(choices, &format!("{path}.choices"))
}

/// Checks choices, those of an option and those that autocompletion offers.
pub(super) fn suggestions(choices: &[Value], path: &str) -> Result<(), Refusal> {
    if choices.len() > MAX_OPTIONS {
        return Err(bad_length(path, 0, MAX_OPTIONS));
    }
    for (place, choice) in choices.iter().enumerate() {
        if !(1..=100).contains(&length(&choice["name"])) {
            return Err(bad_length(&format!("{path}.{place}.name"), 1, 100));
        }
        if choice["value"].is_null() {
            return Err(required(&format!("{path}.{place}.value")));
        }
        if length(&choice["value"]) > 100 {
            return Err(too_long(&format!("{path}.{place}.value"), 100));
        }
    }
    Ok(())
}

/// Leaves out what is null, as Discord does.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(given.map(|(name, value)| (name.clone(), without_nulls(value))).collect())
        }
        Value::Array(values) => values.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

fn same(one: &Value, other: &Value) -> bool {
    let kind = |command: &Value| command["type"].as_u64().unwrap_or(1);
    one["name"] == other["name"] && kind(one) == kind(other)
}

impl World {
    /// Refuses what is not about this bot and a guild that it is in.
    pub(super) fn scope(&self, application: u64, guild: Option<u64>) -> Result<(), Refusal> {
        if application != self.bot {
            let words = "You are not authorized to perform this action on this application";
            return Err(Refusal::new(403, 20012, words));
        }
        match guild.is_none_or(|guild| self.guilds.contains_key(&guild)) {
            true => Ok(()),
            false => Err(Refusal::new(403, 50001, "Missing Access")),
        }
    }

    /// Puts a list of commands in the place of those that were there.
    pub(super) fn overwrite_commands(
        &mut self,
        guild: Option<u64>,
        wanted: &Value,
    ) -> Result<Value, Refusal> {
        let Some(wanted) = wanted.as_array() else {
            return Err(form("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"));
        };
        for (place, command) in wanted.iter().enumerate() {
            check(command, &place.to_string())?;
            if wanted.iter().take(place).any(|other| same(other, command)) {
                let words = "Application command names must be unique";
                return Err(form(&place.to_string(), "APPLICATION_COMMANDS_DUPLICATE_NAME", words));
            }
        }
        if wanted.iter().filter(|command| command["type"].as_u64().unwrap_or(1) == 1).count() > MAX_COMMANDS {
            let words = "Maximum number of application commands reached (100).";
            return Err(Refusal::new(400, 30032, words));
        }
        let before = self.commands.get(&guild).cloned().unwrap_or_default();
        let known = |command: &Value| before.iter().find(|other| same(other, command));
        let fresh = wanted.iter().filter(|command| known(command).is_none()).count();
        if self.command_creates + fresh > self.settings.command_creates {
            let words = "Max number of daily application command creates has been reached (200)";
            return Err(Refusal::new(400, 30034, words));
        }
        self.command_creates += fresh;
        let kept: Vec<Value> =
            wanted.iter().map(|command| self.registered(command, guild, known(command))).collect();
        self.commands.insert(guild, kept.clone());
        Ok(kept.into())
    }

    fn registered(&mut self, command: &Value, guild: Option<u64>, before: Option<&Value>) -> Value {
        let id = before.map_or_else(|| self.id().to_string().into(), |before| before["id"].clone());
        let version = self.id().to_string();
        let mut kept = json!({
            "id": id, "application_id": self.bot.to_string(), "version": version,
            "type": command["type"].as_u64().unwrap_or(1), "name": command["name"],
            "description": command["description"].as_str().unwrap_or_default(),
            "options": without_nulls(&list(&command["options"]).into()), "nsfw": false,
            "default_member_permissions": command["default_member_permissions"], "dm_permission": true,
            "contexts": command["contexts"], "integration_types": [0], "name_localizations": null,
            "description_localizations": null
        });
        if let Some(guild) = guild {
            kept["guild_id"] = guild.to_string().into();
        }
        kept
    }

    /// Adds one command, or puts it in the place of the one of its name; tells whether it is new.
    pub(super) fn upsert_command(
        &mut self,
        guild: Option<u64>,
        command: &Value,
    ) -> Result<(bool, Value), Refusal> {
        let mut wanted = self.commands.get(&guild).cloned().unwrap_or_default();
        let known = wanted.iter().position(|other| same(other, command));
        match known.and_then(|place| wanted.get_mut(place)) {
            Some(place) => place.clone_from(command),
            None => wanted.push(command.clone()),
        }
        let all = self.overwrite_commands(guild, &wanted.into())?;
        let kept = list(&all).iter().find(|kept| same(kept, command)).cloned().unwrap_or_default();
        Ok((known.is_none(), kept))
    }

    /// Finds a command as people see it in a guild: its own first, then those of all guilds.
    pub(super) fn command(&self, guild: Option<u64>, name: &str, kind: u64) -> Option<&Value> {
        let scopes = [guild.and_then(|_| self.commands.get(&guild)), self.commands.get(&None)];
        let mut all = scopes.into_iter().flatten().flatten();
        all.find(|command| command["name"] == name && command["type"] == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_in_lower_case() {
        assert!(["status", "file-put", "größe", "x_1"].into_iter().all(is_name));
        assert!(["", "Status", "two words", "a/b", &"x".repeat(33)].into_iter().all(|name| !is_name(name)));
    }
}
