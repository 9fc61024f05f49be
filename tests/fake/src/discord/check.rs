//! What a message may look like: lengths, components, embeds, mentions. Limits: Discord developer documentation,
//! "Create message", "Component reference" and "Embed limits".

use std::collections::BTreeSet;

use serde_json::Value;

use super::files::Upload;
use super::objects::flag;
use super::refusal::{Refusal, bad_length, form, no_choice, required, too_long};

const CONTENT: usize = 2000;

const MAX_FILES: usize = 10;

pub(super) fn length(value: &Value) -> usize {
    value.as_str().unwrap_or_default().chars().count()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Refuses a message's body that breaks a rule. `flags` are those of the message that it changes, if any.
pub(super) fn message(body: &Value, files: &[Upload], flags: u64, max_upload: usize) -> Result<(), Refusal> {
    let content = &body["content"];
    if !content.is_null() && !content.is_string() {
        return Err(form("content", "STRING_TYPE_CONVERT", "Could not interpret the value as string."));
    }
    if length(content) > CONTENT {
        return Err(too_long("content", CONTENT));
    }
    let v2 = (flags | body["flags"].as_u64().unwrap_or_default()) & flag::COMPONENTS_V2 != 0;
    if v2 && (length(content) > 0 || !list(&body["embeds"]).is_empty()) {
        let message = "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2";
        return Err(form("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message));
    }
    embeds(list(&body["embeds"]))?;
    components(&body["components"], v2)?;
    allowed_mentions(&body["allowed_mentions"])?;
    if files.len() > MAX_FILES {
        return Err(form("files", "MAX_FILES", "Maximum number of files is 10"));
    }
    if files.iter().map(|file| file.bytes.len()).sum::<usize>() > max_upload {
        return Err(Refusal::new(413, 40005, "Request entity too large"));
    }
    Ok(())
}

fn allowed_mentions(allowed: &Value) -> Result<(), Refusal> {
    let parse = list(&allowed["parse"]);
    for (place, kind) in parse.iter().enumerate() {
        if !["roles", "users", "everyone"].contains(&kind.as_str().unwrap_or_default()) {
            return Err(no_choice(
                &format!("allowed_mentions.parse.{place}"),
                "'users', 'roles', 'everyone'",
            ));
        }
    }
    for kind in ["users", "roles"] {
        let named = list(&allowed[kind]);
        if !named.is_empty() && parse.iter().any(|parsed| parsed == kind) {
            let message = format!("parse:[\"{kind}\"] and {kind}: [ids...] are mutually exclusive.");
            return Err(form("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", &message));
        }
        if named.len() > 100 {
            return Err(bad_length(&format!("allowed_mentions.{kind}"), 0, 100));
        }
    }
    Ok(())
}

/// Returns all components, those inside others included.
pub(super) fn all(components: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for component in list(components) {
        found.push(component);
        found.extend(all(&component["components"]));
        for inner in ["accessory", "component"] {
            if component[inner].is_object() {
                found.push(&component[inner]);
            }
        }
    }
    found
}

fn components(components: &Value, v2: bool) -> Result<(), Refusal> {
    if !components.is_null() && !components.is_array() {
        return Err(form("components", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType"));
    }
    let rows = list(components);
    if v2 {
        let all = all(components);
        if all.len() > 40 {
            let message = "The maximum number of components is 40";
            return Err(form("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message));
        }
        if all.iter().map(|one| length(&one["content"])).sum::<usize>() > 4000 {
            let message = "Total displayable text exceeds 4000";
            return Err(form("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message));
        }
    } else if rows.len() > 5 {
        return Err(bad_length("components", 1, 5));
    }
    let mut ids = BTreeSet::new();
    for (place, row) in rows.iter().enumerate() {
        let path = format!("components.{place}");
        if !v2 && row["type"] != 1 {
            let message = "Value of field \"type\" must be one of (1,).";
            return Err(form(&format!("{path}.type"), "UNION_TYPE_CHOICES", message));
        }
        component(row, &path, &mut ids)?;
    }
    Ok(())
}

/// Checks a component and all inside it. `ids` are the custom ids seen so far.
pub(super) fn component(one: &Value, path: &str, ids: &mut BTreeSet<String>) -> Result<(), Refusal> {
    let inner = list(&one["components"]);
    match one["type"].as_u64().unwrap_or_default() {
        1 => row(inner, path)?,
        2 => button(one, path)?,
        3 => select(one, path)?,
        _ => {}
    }
    if let Some(id) = one["custom_id"].as_str() {
        if !(1..=100).contains(&id.chars().count()) {
            return Err(bad_length(&format!("{path}.custom_id"), 1, 100));
        }
        if !ids.insert(id.to_owned()) {
            let message = "Component custom id cannot be duplicated";
            return Err(form(&format!("{path}.custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED", message));
        }
    }
    for (place, inside) in inner.iter().enumerate() {
        component(inside, &format!("{path}.components.{place}"), ids)?;
    }
    for name in ["accessory", "component"] {
        if one[name].is_object() {
            component(&one[name], &format!("{path}.{name}"), ids)?;
        }
    }
    Ok(())
}

fn row(inner: &[Value], path: &str) -> Result<(), Refusal> {
    if !(1..=5).contains(&inner.len()) {
        return Err(bad_length(&format!("{path}.components"), 1, 5));
    }
    if inner.len() > 1 && inner.iter().any(|one| one["type"].as_u64().is_some_and(|kind| kind > 2)) {
        let message = "The specified component exceeds the maximum width";
        return Err(form(&format!("{path}.components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message));
    }
    Ok(())
}

fn button(one: &Value, path: &str) -> Result<(), Refusal> {
    let style = one["style"].as_u64().unwrap_or_default();
    if !(1..=6).contains(&style) {
        return Err(no_choice(&format!("{path}.style"), "1, 2, 3, 4, 5, 6"));
    }
    let has_id = length(&one["custom_id"]) > 0;
    if style == 5 && (length(&one["url"]) == 0 || has_id) {
        let message = "Link buttons need a url and no custom id";
        return Err(form(path, "BUTTON_COMPONENT_INVALID", message));
    }
    if style < 5 && !has_id {
        return Err(form(path, "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", "A custom id is required"));
    }
    if length(&one["label"]) == 0 && one["emoji"].is_null() {
        let message = "A label or emoji is required";
        return Err(form(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", message));
    }
    if length(&one["label"]) > 80 {
        return Err(too_long(&format!("{path}.label"), 80));
    }
    Ok(())
}

fn select(one: &Value, path: &str) -> Result<(), Refusal> {
    let options = list(&one["options"]);
    if !(1..=25).contains(&options.len()) {
        return Err(bad_length(&format!("{path}.options"), 1, 25));
    }
    if length(&one["custom_id"]) == 0 {
        return Err(required(&format!("{path}.custom_id")));
    }
    if length(&one["placeholder"]) > 150 {
        return Err(too_long(&format!("{path}.placeholder"), 150));
    }
    let mut values = BTreeSet::new();
    for (place, option) in options.iter().enumerate() {
        for field in ["label", "value", "description"] {
            let path = format!("{path}.options.{place}.{field}");
            if length(&option[field]) > 100 {
                return Err(too_long(&path, 100));
            }
            if field != "description" && length(&option[field]) == 0 {
                return Err(required(&path));
            }
        }
        if !values.insert(option["value"].as_str()) {
            let path = format!("{path}.options.{place}.value");
            let message = "The specified option value is already used";
            return Err(form(&path, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message));
        }
    }
    Ok(())
}

fn embeds(embeds: &[Value]) -> Result<(), Refusal> {
    if embeds.len() > 10 {
        return Err(bad_length("embeds", 0, 10));
    }
    let mut total = 0;
    for (place, embed) in embeds.iter().enumerate() {
        let parts = [
            ("title", &embed["title"], 256),
            ("description", &embed["description"], 4096),
            ("footer.text", &embed["footer"]["text"], 2048),
            ("author.name", &embed["author"]["name"], 256),
        ];
        for (name, text, most) in parts {
            if length(text) > most {
                return Err(too_long(&format!("embeds.{place}.{name}"), most));
            }
            total += length(text);
        }
        let fields = list(&embed["fields"]);
        if fields.len() > 25 {
            return Err(bad_length(&format!("embeds.{place}.fields"), 0, 25));
        }
        for (number, field) in fields.iter().enumerate() {
            for (name, most) in [("name", 256), ("value", 1024)] {
                let path = format!("embeds.{place}.fields.{number}.{name}");
                match length(&field[name]) {
                    0 => return Err(required(&path)),
                    long if long > most => return Err(too_long(&path, most)),
                    fitting => total += fitting,
                }
            }
        }
    }
    match total > 6000 {
        true => Err(form("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")),
        false => Ok(()),
    }
}

/// Checks a modal: a window with fields that an interaction opens.
pub(super) fn modal(modal: &Value) -> Result<(), Refusal> {
    for (field, most) in [("custom_id", 100), ("title", 45)] {
        if !(1..=most).contains(&length(&modal[field])) {
            return Err(bad_length(&format!("data.{field}"), 1, most));
        }
    }
    let rows = list(&modal["components"]);
    if !(1..=5).contains(&rows.len()) {
        return Err(bad_length("data.components", 1, 5));
    }
    let mut ids = BTreeSet::new();
    for (place, row) in rows.iter().enumerate() {
        component(row, &format!("data.components.{place}"), &mut ids)?;
    }
    for input in all(&modal["components"]).into_iter().filter(|one| one["type"] == 4) {
        if length(&input["custom_id"]) == 0 {
            return Err(required("data.components.0.components.0.custom_id"));
        }
        for (field, most) in [("label", 45), ("placeholder", 100), ("value", 4000)] {
            if length(&input[field]) > most {
                return Err(too_long(&format!("data.components.0.components.0.{field}"), most));
            }
        }
    }
    Ok(())
}
