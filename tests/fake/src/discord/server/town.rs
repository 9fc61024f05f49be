//! The people and places of the server, and what people see.

use serde_json::{Value, json};

use super::{DiscordServer, Place};
use crate::discord::gateway::intent;
use crate::discord::objects::{Overwrite, kind};
use crate::discord::people::Person;
use crate::discord::threads::Wanted;
use crate::discord::view::{self, Shown, Thread};

/// People and places.
impl DiscordServer {
    /// Returns somebody: alice (who owns the guild), bob, mallory, or who was added.
    ///
    /// # Panics
    /// When nobody has this name.
    #[track_caller]
    #[must_use]
    pub fn person(&self, name: &str) -> Person<'_> {
        let id = self.must(&format!("nobody is called {name}"), |world| world.user_named(name));
        Person { server: self, id }
    }

    /// Adds somebody to the guild, with a role if there is one of this name.
    ///
    /// # Panics
    /// When there is no such role.
    #[track_caller]
    pub fn join(&self, name: &str, bot: bool, role: Option<&str>) -> Person<'_> {
        let id = self.must("there is no such role", |world| {
            let (guild, user) = (world.home()?, world.add_user(name, bot));
            world.add_member(guild, user);
            if let Some(role) = role {
                let role = world.role_named(guild, role)?;
                world.give_role(guild, user, role, true)?;
            }
            Some(user)
        });
        Person { server: self, id }
    }

    /// Adds a role with permissions to the guild and returns its id. `admin`, an administrator, is there.
    ///
    /// # Panics
    /// When there is no guild left.
    #[track_caller]
    pub fn role(&self, name: &str, permissions: u64) -> u64 {
        self.must("there is no guild", |world| {
            let guild = world.home()?;
            Some(world.add_role(guild, name, permissions))
        })
    }

    /// Gives a role to a person, or takes it.
    ///
    /// # Panics
    /// When there is no such role or person.
    #[track_caller]
    pub fn grant(&self, person: &str, role: &str, on: bool) {
        self.must("there is no such role or person", |world| {
            let (guild, user) = (world.home()?, world.user_named(person)?);
            let role = world.role_named(guild, role)?;
            world.give_role(guild, user, role, on)
        });
    }

    /// Returns the id of a guild: "Takopi Test", "Other Guild", or one that was added.
    ///
    /// # Panics
    /// When there is no such guild.
    #[track_caller]
    #[must_use]
    pub fn guild(&self, name: &str) -> u64 {
        self.must("there is no such guild", |world| {
            world.guilds.values().find(|guild| guild.name == name).map(|guild| guild.id)
        })
    }

    /// Adds a guild of somebody's with a channel, as when the bot is invited; returns the channel's id.
    ///
    /// # Panics
    /// When nobody has this name.
    #[track_caller]
    pub fn add_guild(&self, name: &str, owner: &str, channel: &str) -> u64 {
        self.must("nobody has this name", |world| {
            let owner = world.user_named(owner)?;
            let guild = world.add_guild(name, owner);
            let channel = world.add_channel(Some(guild), channel, kind::TEXT, None);
            world.tell_guild(guild);
            Some(channel)
        })
    }

    /// Puts the bot out of a guild.
    ///
    /// # Panics
    /// When there is no such guild.
    #[track_caller]
    pub fn leave_guild(&self, guild: u64) {
        self.must("there is no such guild", |world| {
            world.guilds.remove(&guild)?;
            world.channels.retain(|_, channel| channel.guild != Some(guild));
            world.tell("GUILD_DELETE", json!({"id": guild.to_string()}), intent::GUILDS, None);
            Some(())
        });
    }

    /// Returns the id of a channel or thread.
    ///
    /// # Panics
    /// When there is none of this name.
    #[track_caller]
    #[must_use]
    pub fn channel(&self, name: &str) -> u64 {
        self.find(name)
    }

    /// Adds a text channel to the guild and returns its id.
    ///
    /// # Panics
    /// When there is no guild left.
    #[track_caller]
    pub fn add_channel(&self, name: &str) -> u64 {
        self.must("there is no guild", |world| {
            let guild = world.home();
            let channel = world.add_channel(guild, name, kind::TEXT, None);
            world.tell_channel("CHANNEL_CREATE", channel);
            guild.map(|_| channel)
        })
    }

    /// Returns the private channel of the bot with somebody.
    ///
    /// # Panics
    /// When nobody has this name.
    #[track_caller]
    #[must_use]
    pub fn dm(&self, person: &str) -> u64 {
        self.must("nobody has this name", |world| {
            let user = world.user_named(person)?;
            Some(world.private(user))
        })
    }

    /// Opens a thread without a message, as somebody.
    ///
    /// # Panics
    /// When there is no such channel or person.
    #[track_caller]
    pub fn open_thread(&self, place: impl Into<Place>, person: &str, name: &str, private: bool) -> u64 {
        let parent = self.find(place);
        self.must("nobody has this name", |world| {
            let owner = world.user_named(person)?;
            let wanted = Wanted { parent, name, owner, private, starter: None, auto_archive: None };
            world.open_thread(&wanted).ok()
        })
    }

    /// Changes a channel or thread as its managers may: `{"archived": true}`, `{"name": "x"}`.
    ///
    /// # Panics
    /// When Discord would not have it.
    #[track_caller]
    pub fn change_channel(&self, place: impl Into<Place>, change: &Value) {
        let id = self.find(place);
        self.must("the channel can't be changed so", |world| world.change_channel(id, change).ok());
    }

    /// Deletes a channel or thread.
    ///
    /// # Panics
    /// When there is no such channel.
    #[track_caller]
    pub fn delete_channel(&self, place: impl Into<Place>) {
        let id = self.find(place);
        self.must("there is no such channel", |world| world.delete_channel(id));
    }

    /// Makes an exception for the bot in a channel; see [`permission`](crate::discord::permission).
    ///
    /// # Panics
    /// When there is no such channel.
    #[track_caller]
    pub fn allow_bot(&self, place: impl Into<Place>, allow: u64, deny: u64) {
        let id = self.find(place);
        self.must("there is no such channel", |world| {
            let (target, role) = (world.bot, false);
            let channel = world.channels.get_mut(&id)?;
            channel.overwrites.retain(|overwrite| overwrite.target != target);
            channel.overwrites.push(Overwrite { target, role, allow, deny });
            world.tell_channel("CHANNEL_UPDATE", id);
            Some(())
        });
    }
}

/// What people see.
impl DiscordServer {
    /// Returns the messages of a channel, the oldest first, those for one person included.
    ///
    /// # Panics
    /// When there is no such channel.
    #[track_caller]
    #[must_use]
    pub fn shown(&self, place: impl Into<Place>) -> Vec<Shown> {
        let channel = self.find(place);
        view::messages(channel, &self.shared.read())
    }

    /// Returns a message, wherever it stands.
    #[must_use]
    pub fn message(&self, id: u64) -> Option<Shown> {
        let world = self.shared.read();
        let channel = world.place_of(id)?;
        world.any_message(channel, id).map(|message| Shown::of(message, &world))
    }

    /// Returns the messages that were deleted, the first one first.
    #[must_use]
    pub fn deleted(&self) -> Vec<Shown> {
        let world = self.shared.read();
        world.deleted.iter().map(|message| Shown::of(message, &world)).collect()
    }

    /// Returns all threads, the oldest first.
    #[must_use]
    pub fn threads(&self) -> Vec<Thread> {
        view::threads(&self.shared.read(), |_| true)
    }

    /// Tells whether the bot is shown as typing.
    ///
    /// # Panics
    /// When there is no such channel.
    #[track_caller]
    #[must_use]
    pub fn typing(&self, place: impl Into<Place>) -> bool {
        let channel = self.find(place);
        let world = self.shared.read();
        world.typing.get(&(channel, world.bot)).is_some_and(|until| *until > world.now)
    }

    /// Returns the commands of a guild as they are registered; none for those of all guilds.
    #[must_use]
    pub fn commands(&self, guild: Option<u64>) -> Vec<Value> {
        self.shared.read().commands.get(&guild).cloned().unwrap_or_default()
    }
}
