//! Who may speak where, as the table says it. Ids may be written as texts or as whole numbers.

use takopi_core::settings::Table;

/// An id of Discord: a snowflake.
pub type Id = u64;

/// Who may speak where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessConfig {
    /// The servers that are served; empty is all that the bot is in.
    pub guilds: Vec<Id>,
    /// People who may speak.
    pub users: Vec<Id>,
    /// Roles whose members may speak.
    pub roles: Vec<Id>,
    /// Bots that may speak.
    pub bots: Vec<Id>,
    /// Roles whose members may change what holds for everybody.
    pub admin_roles: Vec<Id>,
    /// Whether whoever is in a server may speak there.
    pub everyone: bool,
    /// Whether people who are named may speak by direct message.
    pub direct: bool,
}

impl AccessConfig {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let access = Self {
            guilds: read_guilds(table),
            users: read_ids(table, "allowed_user_ids", "people"),
            roles: read_ids(table, "allowed_role_ids", "roles"),
            bots: read_ids(table, "allowed_bot_user_ids", "bots"),
            admin_roles: read_ids(table, "admin_role_ids", "roles"),
            everyone: table.boolean("allow_everyone", false),
            direct: table.boolean("allow_dm", false),
        };
        if access.everyone && access.names_somebody() {
            table.warn(
                "allow_everyone",
                "allowed_user_ids or allowed_role_ids is written too, so only those are served",
                "remove one of the two",
            );
        }
        access
    }

    /// Returns whether it is said who may speak.
    pub(crate) fn names_somebody(&self) -> bool {
        !self.users.is_empty() || !self.roles.is_empty()
    }
}

/// Reads `guild_ids` and its older form for one server.
fn read_guilds(table: &mut Table<'_>) -> Vec<Id> {
    let mut guilds = read_ids(table, "guild_ids", "servers");
    if let Some(one) = read_id(table, "guild_id")
        && !guilds.contains(&one)
    {
        guilds.push(one);
    }
    guilds
}

pub(super) fn read_id(table: &mut Table<'_>, key: &str) -> Option<Id> {
    let one = table.id(key, "\"1234567890123456789\"");
    one.and_then(|one| usable(table, key, &one))
}

fn read_ids(table: &mut Table<'_>, key: &str, of: &str) -> Vec<Id> {
    let written = table.ids(key, of, "[\"1234567890123456789\"]").unwrap_or_default();
    written.iter().filter_map(|id| usable(table, key, id)).collect()
}

fn usable(table: &mut Table<'_>, key: &str, written: &str) -> Option<Id> {
    let id = written.trim().parse().ok().filter(|id| *id != 0);
    if id.is_none() {
        let remedy = "switch on Developer Mode in Discord's settings (Advanced) and use Copy ID";
        table.error(key, format!("`{written}` is no id of Discord"), remedy);
    }
    id
}
