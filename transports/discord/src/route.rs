//! The routes of the REST API that are called, each with what its limits are counted by.
//!
//! Paths of interactions and webhooks hold tokens: a route shows its template, and its path only to `api.rs`.

use std::fmt;

/// Where a call goes, below `/api/v10`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Route {
    template: &'static str,
    path: String,
    /// Whose limits it uses: a channel, a guild, a webhook with its token (Discord: "top-level resource").
    major: String,
    counts: bool,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.template)
    }
}

impl Route {
    /// Returns its path with names in the place of ids: what may be logged.
    pub(crate) fn template(&self) -> &'static str {
        self.template
    }

    /// Returns its path. It may hold the token of an interaction.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns what its limits are counted by besides the template. It may hold the token of an interaction.
    pub(crate) fn major(&self) -> &str {
        &self.major
    }

    /// Returns whether it uses some of the bot's own limit: answers to interactions do not.
    pub(crate) fn counts(&self) -> bool {
        self.counts
    }

    /// `GET`: where the gateway is, and how many sessions may still be started.
    pub(crate) fn gateway() -> Self {
        made("/gateway/bot", &[])
    }

    /// `GET`: who the bot is.
    pub(crate) fn me() -> Self {
        made("/users/@me", &[])
    }

    /// `GET`: in which guilds the bot is.
    pub(crate) fn my_guilds() -> Self {
        made("/users/@me/guilds", &[])
    }

    /// `POST`: opens the direct messages with a person.
    pub(crate) fn direct_messages() -> Self {
        made("/users/@me/channels", &[])
    }

    /// `GET`: the bot's application.
    pub(crate) fn application() -> Self {
        made("/applications/@me", &[])
    }

    /// `GET`: a guild.
    pub(crate) fn guild(guild: &str) -> Self {
        made("/guilds/:guild", &[guild])
    }

    /// `GET`: a guild's channels, without threads.
    pub(crate) fn guild_channels(guild: &str) -> Self {
        made("/guilds/:guild/channels", &[guild])
    }

    /// `GET`: the threads of a guild that are not archived.
    pub(crate) fn active_threads(guild: &str) -> Self {
        made("/guilds/:guild/threads/active", &[guild])
    }

    /// `GET`: the roles of a guild.
    pub(crate) fn roles(guild: &str) -> Self {
        made("/guilds/:guild/roles", &[guild])
    }

    /// `GET`: a member of a guild.
    pub(crate) fn member(guild: &str, user: &str) -> Self {
        made("/guilds/:guild/members/:user", &[guild, user])
    }

    /// `GET`, `PATCH`: a channel or thread.
    pub(crate) fn channel(channel: &str) -> Self {
        made("/channels/:channel", &[channel])
    }

    /// `PATCH` with a name: counted apart, because names have a narrow limit of their own (two in ten minutes)
    /// which must not keep an archived thread shut.
    pub(crate) fn channel_name(channel: &str) -> Self {
        Self { template: "/channels/:channel (name)", ..Self::channel(channel) }
    }

    /// `GET`, `POST`: the messages of a channel or thread.
    pub(crate) fn messages(channel: &str) -> Self {
        made("/channels/:channel/messages", &[channel])
    }

    /// `GET`, `PATCH`, `DELETE`: a message.
    pub(crate) fn message(channel: &str, message: &str) -> Self {
        made("/channels/:channel/messages/:message", &[channel, message])
    }

    /// `POST`: opens a thread at a message.
    pub(crate) fn thread_at(channel: &str, message: &str) -> Self {
        made("/channels/:channel/messages/:message/threads", &[channel, message])
    }

    /// `POST`: opens a thread without a message, or a post of a forum.
    pub(crate) fn threads(channel: &str) -> Self {
        made("/channels/:channel/threads", &[channel])
    }

    /// `PUT`: the bot becomes a member of a thread.
    pub(crate) fn joined(thread: &str) -> Self {
        made("/channels/:channel/thread-members/@me", &[thread])
    }

    /// `POST`: shows that the bot is writing.
    pub(crate) fn typing(channel: &str) -> Self {
        made("/channels/:channel/typing", &[channel])
    }

    /// `PUT`, `DELETE`: the bot's own reaction to a message.
    pub(crate) fn reaction(channel: &str, message: &str, emoji: &str) -> Self {
        made("/channels/:channel/messages/:message/reactions/:emoji/@me", &[channel, message, emoji])
    }

    /// `GET`, `PUT`: the commands of an application everywhere.
    pub(crate) fn commands(application: &str) -> Self {
        made("/applications/:application/commands", &[application])
    }

    /// `GET`, `PUT`: the commands of an application in a guild.
    pub(crate) fn guild_commands(application: &str, guild: &str) -> Self {
        made("/applications/:application/guilds/:guild/commands", &[application, guild])
    }

    /// `POST`: the first answer to an interaction.
    pub(crate) fn interaction(interaction: &str, token: &str) -> Self {
        of_interaction("/interactions/:interaction/:token/callback", &[interaction, token])
    }

    /// `POST`: a further answer to an interaction.
    pub(crate) fn follow_ups(application: &str, token: &str) -> Self {
        of_interaction("/webhooks/:application/:token", &[application, token])
    }

    /// `GET`, `PATCH`, `DELETE`: the first answer to an interaction, once it is given.
    pub(crate) fn first_answer(application: &str, token: &str) -> Self {
        of_interaction("/webhooks/:application/:token/messages/@original", &[application, token])
    }

    /// `GET`, `PATCH`, `DELETE`: any answer to an interaction.
    pub(crate) fn answer(application: &str, token: &str, message: &str) -> Self {
        of_interaction("/webhooks/:application/:token/messages/:message", &[application, token, message])
    }
}

/// Returns the route whose names are filled in, counted by the first of them.
fn made(template: &'static str, values: &[&str]) -> Route {
    let major = values.first().map(|first| segment(first)).unwrap_or_default();
    Route { template, path: filled(template, values), major, counts: true }
}

/// Returns a route of an interaction, counted by its first two values (Discord: `webhook_id` or `webhook_id +
/// webhook_token`).
fn of_interaction(template: &'static str, values: &[&str]) -> Route {
    let major = values.iter().take(2).map(|value| segment(value)).collect::<Vec<_>>().join("/");
    Route { template, path: filled(template, values), major, counts: false }
}

fn filled(template: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let part = |part: &str| match part.strip_prefix(':').and_then(|_| values.next()) {
        Some(value) => segment(value),
        None => part.to_owned(),
    };
    template.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Returns a value as one segment of a path, whatever it holds: an id that is none leads nowhere.
fn segment(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'@' => char::from(byte).to_string(),
        // Two dots would lead upwards, encoded or not.
        b'.' => "_".to_owned(),
        other => format!("%{other:02X}"),
    };
    value.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_its_ids_in_its_path_and_is_counted_by_the_first() {
        let route = Route::message("12", "34");
        assert_eq!((route.path(), route.major()), ("/channels/12/messages/34", "12"));
        assert!(route.counts());
        assert_eq!(
            Route::reaction("1", "2", "🕐").path(),
            "/channels/1/messages/2/reactions/%F0%9F%95%90/@me"
        );
        assert_eq!(Route::me().path(), "/users/@me");
    }

    #[test]
    fn a_name_is_counted_apart_from_whatever_else_changes_in_a_channel() {
        let (channel, name) = (Route::channel("1"), Route::channel_name("1"));
        assert_eq!(channel.path(), name.path());
        assert_ne!(channel.template(), name.template());
    }

    #[test]
    fn an_interactions_token_is_in_its_path_and_never_shown() {
        let route = Route::answer("1", "toKEN", "7");
        assert_eq!(route.path(), "/webhooks/1/toKEN/messages/7");
        assert_eq!(route.major(), "1/toKEN");
        assert!(!format!("{route:?}").contains("toKEN") && !route.counts());
    }

    #[test]
    fn an_id_that_is_none_leads_nowhere_else() {
        assert_eq!(Route::channel("../users").path(), "/channels/__%2Fusers");
        assert_eq!(Route::channel("..").path(), "/channels/__");
    }
}
