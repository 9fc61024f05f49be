//! Mentions in a text: the bot's own at the beginning is not part of what is said, the others are written as
//! people see them.

use crate::config::Id;
use crate::places::{Me, Places};

use super::Said;

/// Returns what a message says, and whether it names the bot.
pub(super) fn read(said: &Said<'_>, me: &Me, places: &Places) -> (String, bool) {
    let own_role = |role: &Id| said.guild.is_some_and(|guild| places.is_own_role(guild, *role));
    let mut own = vec![format!("<@{}>", me.id), format!("<@!{}>", me.id)];
    own.extend(said.role_mentions.iter().filter(|role| own_role(role)).map(|role| format!("<@&{role}>")));
    let named = own.iter().any(|mention| said.content.contains(mention.as_str()));
    let mut text = said.content.trim_start();
    while let Some(rest) = own.iter().find_map(|mention| text.strip_prefix(mention.as_str())) {
        text = rest.trim_start();
    }
    let mut text = text.to_owned();
    for mention in &own {
        text = text.replace(mention.as_str(), &format!("@{}", me.name));
    }
    for user in said.mentions {
        let name = format!("@{}", user.global_name.as_deref().unwrap_or(&user.name));
        for mention in [format!("<@{}>", user.id), format!("<@!{}>", user.id)] {
            text = text.replace(&mention, &name);
        }
    }
    (with_channel_names(&text, places), named)
}

/// Returns the text with `#name` in the place of `<#id>`, for channels that are known.
fn with_channel_names(text: &str, places: &Places) -> String {
    let mut named = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<#") {
        named.push_str(before);
        let known = after.split_once('>').and_then(|(id, after)| {
            let channel = places.channel(id.parse().ok()?)?;
            Some((channel.name, after))
        });
        match known {
            Some((name, after)) => {
                named.push('#');
                named.push_str(&name);
                rest = after;
            }
            None => {
                named.push_str("<#");
                rest = after;
            }
        }
    }
    named.push_str(rest);
    named
}
