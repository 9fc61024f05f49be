//! The routes of the REST API that takopi uses, by method and template. Everything else is 404.

mod about;
mod channels;
mod commands;
mod interactions;
mod messages;
mod threads;

use std::collections::BTreeMap;

use serde_json::Value;

use super::files::Upload;
use super::refusal::Refusal;
use super::world::World;

/// A request, taken apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Asking {
    pub(super) method: String,
    /// Below `/api/v10`.
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Value,
    pub(super) files: Vec<Upload>,
}

/// What comes of it: a status and what is told; 204 tells nothing.
pub(super) type Outcome = Result<(u16, Value), Refusal>;

/// What a route does to the world. The arguments are what stands in the place of `:id` and the like.
type Perform = fn(&mut World, &Asking, &[&str]) -> Outcome;

/// A route that a request fits.
pub(super) struct Route<'a> {
    pub(super) template: &'static str,
    pub(super) perform: Perform,
    pub(super) args: Vec<&'a str>,
}

impl Route<'_> {
    /// Returns the first id in it.
    pub(super) fn major(&self) -> Option<u64> {
        self.args.first().and_then(|id| id.parse().ok())
    }

    /// Returns the path with the tokens of interactions left out.
    pub(super) fn path_without_token(&self, path: &str) -> String {
        match self.template.contains(":token") {
            true => self.args.get(1).map_or_else(String::new, |token| path.replace(token, "TOKEN")),
            false => path.to_owned(),
        }
    }
}

const ROUTES: [(&str, &str, Perform); 46] = [
    ("GET", "/gateway", about::gateway),
    ("GET", "/gateway/bot", about::gateway_bot),
    ("GET", "/users/@me", about::me),
    ("GET", "/users/@me/guilds", about::my_guilds),
    ("POST", "/users/@me/channels", about::private),
    ("GET", "/users/:id", about::user),
    ("GET", "/applications/@me", about::application),
    ("GET", "/oauth2/applications/@me", about::application),
    ("GET", "/guilds/:id", about::guild),
    ("GET", "/guilds/:id/channels", about::guild_channels),
    ("GET", "/guilds/:id/roles", about::roles),
    ("GET", "/guilds/:id/members/:user", about::member),
    ("GET", "/guilds/:id/threads/active", threads::active),
    ("GET", "/applications/:id/commands", commands::list_all),
    ("PUT", "/applications/:id/commands", commands::overwrite),
    ("POST", "/applications/:id/commands", commands::add),
    ("DELETE", "/applications/:id/commands/:cid", commands::delete),
    ("GET", "/applications/:id/guilds/:id/commands", commands::list_of_guild),
    ("PUT", "/applications/:id/guilds/:id/commands", commands::overwrite_of_guild),
    ("POST", "/applications/:id/guilds/:id/commands", commands::add_to_guild),
    ("DELETE", "/applications/:id/guilds/:id/commands/:cid", commands::delete_of_guild),
    ("GET", "/channels/:id", channels::get),
    ("PATCH", "/channels/:id", channels::change),
    ("DELETE", "/channels/:id", channels::delete),
    ("POST", "/channels/:id/typing", channels::typing),
    ("GET", "/channels/:id/messages", messages::list),
    ("POST", "/channels/:id/messages", messages::send),
    ("GET", "/channels/:id/messages/:id", messages::get),
    ("PATCH", "/channels/:id/messages/:id", messages::edit),
    ("DELETE", "/channels/:id/messages/:id", messages::delete),
    ("POST", "/channels/:id/messages/bulk-delete", messages::delete_many),
    ("PUT", "/channels/:id/messages/:id/reactions/:emoji/@me", messages::react),
    ("DELETE", "/channels/:id/messages/:id/reactions/:emoji/@me", messages::take_back),
    ("POST", "/channels/:id/messages/:id/threads", threads::from_message),
    ("POST", "/channels/:id/threads", threads::create),
    ("PUT", "/channels/:id/thread-members/@me", threads::join),
    ("DELETE", "/channels/:id/thread-members/@me", threads::leave),
    ("PUT", "/channels/:id/thread-members/:id", threads::add),
    ("GET", "/channels/:id/thread-members", threads::members),
    ("GET", "/channels/:id/threads/archived/public", threads::archived),
    ("POST", "/interactions/:id/:token/callback", interactions::callback),
    ("POST", "/webhooks/:id/:token", interactions::follow_up),
    ("GET", "/webhooks/:id/:token/messages/:mid", interactions::get),
    ("PATCH", "/webhooks/:id/:token/messages/:mid", interactions::edit),
    ("DELETE", "/webhooks/:id/:token/messages/:mid", interactions::delete),
    ("GET", "/guilds/:id/members", about::members),
];

/// Finds the route that a request fits.
pub(super) fn find<'a>(method: &str, path: &'a str) -> Option<Route<'a>> {
    let steps: Vec<&str> = path.trim_matches('/').split('/').collect();
    ROUTES.into_iter().filter(|(wanted, ..)| *wanted == method).find_map(|(_, template, perform)| {
        let wanted: Vec<&str> = template.trim_matches('/').split('/').collect();
        if wanted.len() != steps.len() {
            return None;
        }
        let mut args = Vec::new();
        for (wanted, &step) in wanted.into_iter().zip(&steps) {
            match wanted.strip_prefix(':') {
                Some("id") if step.parse::<u64>().is_err() => return None,
                Some(_) => args.push(step),
                None if wanted != step => return None,
                None => {}
            }
        }
        Some(Route { template, perform, args })
    })
}

/// Returns the number at a place of the arguments; 0 stands for what is none, and nothing has that id.
fn id(args: &[&str], place: usize) -> u64 {
    args.get(place).and_then(|id| id.parse().ok()).unwrap_or_default()
}

/// Returns what tells nothing.
const fn nothing() -> Outcome {
    Ok((204, Value::Null))
}
