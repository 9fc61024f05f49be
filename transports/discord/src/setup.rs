//! A bot that no house serves yet: who it is, how it is invited, and what it may do where. The questions are asked by
//! whoever calls; what the answers mean is worked out here.

mod asking;
mod hearing;

use serde_json::Value;

pub use asking::{Parents, Setup, SetupError};
pub use hearing::Heard;

/// What takopi needs in a channel, by Discord's bits and the words of its client (Discord docs, "Permissions").
const NEEDED: [(u64, &str); 7] = [
    (1 << 10, "View Channels"),
    (1 << 11, "Send Messages"),
    (1 << 38, "Send Messages in Threads"),
    (1 << 35, "Create Public Threads"),
    (1 << 16, "Read Message History"),
    (1 << 15, "Attach Files"),
    (1 << 6, "Add Reactions"),
];

/// Whoever has it may do everything.
const ADMINISTRATOR: u64 = 1 << 3;

/// The flags of an application whose bot may read what people write: approved, and in few servers (Discord docs,
/// "Application Flags").
const MESSAGE_CONTENT: u64 = 1 << 18 | 1 << 19;

/// A question to Discord's REST API, each a `GET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// `/users/@me`.
    Me,
    /// `/applications/@me`.
    Application,
    /// `/users/@me/guilds`.
    Guilds,
    /// `/guilds/ID`.
    Guild(String),
    /// `/guilds/GUILD/members/USER`.
    Member(String, String),
    /// `/channels/ID`.
    Channel(String),
    /// `/gateway/bot`.
    Gateway,
    /// `/applications/APPLICATION/guilds/GUILD/commands`.
    Commands(String, String),
}

/// Who a bot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The bot's id as a user.
    pub user: String,
    /// Its name.
    pub name: String,
    /// Its application's id.
    pub application: String,
    /// Whether it may read what people write.
    pub reads_messages: bool,
}

/// A server that a bot is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guild {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// How many sessions a bot may still start today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Starts {
    /// How many are left.
    pub left: u64,
    /// Of how many.
    pub of: u64,
}

impl Who {
    /// Returns where the bot is invited to a server, with what takopi needs there and nothing else.
    #[must_use]
    pub fn invite_url(&self) -> String {
        let needed: u64 = NEEDED.iter().map(|(bit, _)| bit).sum();
        let id = &self.application;
        format!(
            "https://discord.com/oauth2/authorize?client_id={id}&scope=bot+applications.commands&permissions={needed}"
        )
    }

    /// Returns what must be switched on before the bot can be served, if anything.
    #[must_use]
    pub fn missing_switch(&self) -> Option<String> {
        let id = &self.application;
        (!self.reads_messages).then(|| {
            format!(
                "the bot cannot read messages: switch on \"Message Content Intent\" at \
                 https://discord.com/developers/applications/{id}/bot (Privileged Gateway Intents)"
            )
        })
    }
}

/// Asks who the bot is.
///
/// # Errors
/// What asking fails with; `wrong` makes one of an answer that is none.
pub(crate) async fn who<E>(
    ask: impl AsyncFn(Ask) -> Result<Value, E>,
    wrong: impl Fn(&'static str) -> E,
) -> Result<Who, E> {
    let (me, application) = (ask(Ask::Me).await?, ask(Ask::Application).await?);
    read_who(&me, &application).ok_or_else(|| wrong("Discord does not say who the bot is"))
}

/// Asks which servers the bot is in.
///
/// # Errors
/// What asking fails with.
pub(crate) async fn guilds<E>(ask: impl AsyncFn(Ask) -> Result<Value, E>) -> Result<Vec<Guild>, E> {
    let answer = ask(Ask::Guilds).await?;
    let guild = |guild: &Value| Some(Guild { id: text(guild, "id")?, name: text(guild, "name")? });
    Ok(answer.as_array().into_iter().flatten().filter_map(guild).collect())
}

/// Asks what the bot lacks in a channel; returns the words of Discord's client for it. Nothing is lacking in a direct
/// message.
///
/// # Errors
/// What asking fails with.
pub(crate) async fn missing_in<E>(
    ask: impl AsyncFn(Ask) -> Result<Value, E>,
    who: &Who,
    channel: &str,
) -> Result<Vec<&'static str>, E> {
    let channel = ask(Ask::Channel(channel.to_owned())).await?;
    let Some(guild_id) = text(&channel, "guild_id") else { return Ok(Vec::new()) };
    let guild = ask(Ask::Guild(guild_id.clone())).await?;
    let member = ask(Ask::Member(guild_id, who.user.clone())).await?;
    Ok(missing(allowed(&who.user, &guild, &member, &channel)))
}

/// Returns how many sessions may still be started, by `/gateway/bot`.
fn read_starts(gateway: &Value) -> Option<Starts> {
    let limit = gateway.get("session_start_limit")?;
    let number = |key: &str| limit.get(key)?.as_u64();
    Some(Starts { left: number("remaining")?, of: number("total")? })
}

/// Returns the channel that a thread is in; `None` for what is a channel itself (types 10 to 12 are threads; Discord
/// docs, "Channel Types").
fn parent(channel: &Value) -> Option<String> {
    let kind = channel.get("type").and_then(Value::as_u64)?;
    if (10..=12).contains(&kind) { text(channel, "parent_id") } else { None }
}

fn read_who(me: &Value, application: &Value) -> Option<Who> {
    let flags = application.get("flags").and_then(Value::as_u64).unwrap_or_default();
    Some(Who {
        user: text(me, "id")?,
        name: text(me, "username")?,
        application: text(application, "id")?,
        reads_messages: flags & MESSAGE_CONTENT != 0,
    })
}

/// Returns the words for what is needed and not in `allowed`.
fn missing(allowed: u64) -> Vec<&'static str> {
    NEEDED.iter().filter(|(bit, _)| allowed & bit == 0).map(|(_, name)| *name).collect()
}

/// Returns what a member may do in a channel: by roles, then as the channel says for everyone, for roles, and for the
/// member (Discord docs, "Permission Hierarchy"; a guild's id is that of its role for everyone).
fn allowed(user: &str, guild: &Value, member: &Value, channel: &Value) -> u64 {
    if text(guild, "owner_id").as_deref() == Some(user) {
        return u64::MAX;
    }
    let everyone = text(guild, "id").unwrap_or_default();
    let roles: Vec<&str> = list(member, "roles").filter_map(Value::as_str).collect();
    let has = |id: &str| id == everyone || roles.contains(&id);
    let of_roles = list(guild, "roles").filter(|role| text(role, "id").is_some_and(|id| has(&id)));
    let base = of_roles.fold(0, |all, role| all | bits(role, "permissions"));
    if base & ADMINISTRATOR != 0 {
        return u64::MAX;
    }
    let said = |of: &dyn Fn(&str) -> bool| {
        let own = list(channel, "permission_overwrites");
        let own = own.filter(|entry| text(entry, "id").is_some_and(|id| of(&id)));
        own.fold((0, 0), |(deny, allow), entry| (deny | bits(entry, "deny"), allow | bits(entry, "allow")))
    };
    let changes = [said(&|id| id == everyone), said(&|id| roles.contains(&id)), said(&|id| id == user)];
    changes.into_iter().fold(base, |held, (deny, allow)| (held & !deny) | allow)
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Returns a set of permissions: Discord writes them as decimal text.
fn bits(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bot(flags: u64) -> Who {
        read_who(&json!({"id": "7", "username": "taki"}), &json!({"id": "8", "flags": flags})).unwrap()
    }

    #[test]
    fn a_bot_is_invited_with_what_it_needs_and_no_more() {
        assert_eq!(
            bot(0).invite_url(),
            "https://discord.com/oauth2/authorize?client_id=8&scope=bot+applications.commands&permissions=309237746752"
        );
    }

    #[test]
    fn a_bot_that_cannot_read_is_told_where_the_switch_is() {
        assert!(bot(0).missing_switch().unwrap().contains("applications/8/bot"));
        assert_eq!(bot(1 << 19).missing_switch(), None);
        assert_eq!(read_who(&json!({}), &json!({"id": "8"})), None);
    }

    #[test]
    fn what_a_channel_says_outranks_the_roles() {
        let all: u64 = NEEDED.iter().map(|(bit, _)| bit).sum();
        let guild = json!({"id": "1", "owner_id": "2", "roles": [
            {"id": "1", "permissions": (all & !(1 << 15)).to_string()}, {"id": "5", "permissions": "32768"},
            {"id": "6", "permissions": "8"}]});
        let rule = |id: &str, deny: u64, allow: u64| json!({"id": id, "deny": deny.to_string(), "allow": allow.to_string()});
        let lacks = |user: &str, roles: Value, rules: Value| {
            let (member, channel) = (json!({"roles": roles}), json!({"permission_overwrites": rules}));
            missing(allowed(user, &guild, &member, &channel))
        };
        assert_eq!(lacks("7", json!([]), json!([])), ["Attach Files"]);
        assert!(lacks("7", json!(["5"]), json!([])).is_empty());
        assert_eq!(lacks("7", json!(["5"]), json!([rule("1", 1 << 11, 0)])), ["Send Messages"]);
        let rules = json!([rule("1", 1 << 11, 0), rule("5", 1 << 10, 1 << 11), rule("7", 0, 1 << 10)]);
        assert!(lacks("7", json!(["5"]), rules).is_empty());
        let shut = json!([rule("1", u64::MAX, 0)]);
        assert!(lacks("2", json!([]), shut.clone()).is_empty(), "the owner");
        assert!(lacks("7", json!(["6"]), shut).is_empty(), "an administrator");
    }

    #[test]
    fn a_thread_is_told_from_a_channel_in_a_category() {
        assert_eq!(parent(&json!({"type": 11, "parent_id": "3"})).as_deref(), Some("3"));
        assert_eq!(parent(&json!({"type": 0, "parent_id": "3"})), None);
    }

    #[test]
    fn the_sessions_that_are_left_are_read_where_the_gateway_is_told() {
        let gateway = json!({"url": "wss://g", "session_start_limit": {"total": 1000, "remaining": 12}});
        assert_eq!(read_starts(&gateway), Some(Starts { left: 12, of: 1000 }));
        assert_eq!(read_starts(&json!({"url": "wss://g"})), None);
    }

    #[tokio::test]
    async fn a_channel_is_looked_up_with_its_server_and_the_bots_roles() {
        let ask = async |ask: Ask| {
            let answer = match &ask {
                Ask::Me => json!({"id": "7", "username": "taki"}),
                Ask::Application => json!({"id": "8", "flags": 1 << 18}),
                Ask::Guilds => json!([{"id": "1", "name": "Home"}]),
                Ask::Guild(_) => {
                    json!({"id": "1", "owner_id": "2", "roles": [{"id": "1", "permissions": "1024"}]})
                }
                Ask::Member(..) => json!({"roles": []}),
                Ask::Channel(id) if id == "dm" => json!({"id": "dm"}),
                Ask::Channel(_) => json!({"id": "3", "guild_id": "1"}),
                Ask::Gateway | Ask::Commands(..) => Value::Null,
            };
            Ok::<_, &'static str>(answer)
        };
        let bot = who(ask, |why| why).await.unwrap();
        assert_eq!((bot.name.as_str(), bot.reads_messages), ("taki", true));
        assert_eq!(guilds(ask).await.unwrap(), [Guild { id: "1".to_owned(), name: "Home".to_owned() }]);
        assert!(missing_in(ask, &bot, "dm").await.unwrap().is_empty());
        let lacking = missing_in(ask, &bot, "3").await.unwrap();
        assert_eq!((lacking.len(), lacking[0]), (6, "Send Messages"));
        let silent = async |_| Ok::<_, &'static str>(Value::Null);
        assert!(who(silent, |why| why).await.is_err());
    }
}
