//! Who may speak where, by the settings and by who was paired. Pure: whoever asks says what is known of the
//! person and the place. Whether a message is for the bot at all is `audience.rs`.

use std::sync::{PoisonError, RwLock};

use crate::config::{AccessConfig, Id};

/// Where something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// In a server.
    Guild(Id),
    /// By direct message.
    Direct,
}

/// What is known of whoever said it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Person {
    pub(crate) id: Id,
    pub(crate) is_bot: bool,
    /// Their roles in that server.
    pub(crate) roles: Vec<Id>,
    /// Whether that server lets them manage it.
    pub(crate) may_manage: bool,
}

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Come in.
    Served,
    /// Others are named, or this place is for those who are named.
    NotNamed,
    /// Nobody is named, so only who manages the server is served.
    ManagersOnly,
    /// There is nothing for anybody here.
    Closed,
}

/// Who may speak where.
#[derive(Debug)]
pub(crate) struct Gate {
    access: AccessConfig,
    paired: RwLock<Vec<Id>>,
}

impl Gate {
    pub(crate) fn new(access: AccessConfig) -> Self {
        Self { access, paired: RwLock::default() }
    }

    /// Returns whether anything is done in a server.
    pub(crate) fn serves(&self, guild: Id) -> bool {
        self.access.guilds.is_empty() || self.access.guilds.contains(&guild)
    }

    /// Returns whether anything is done by direct message.
    pub(crate) fn serves_direct(&self) -> bool {
        self.access.direct
    }

    /// Returns the people that are served by direct message.
    pub(crate) fn direct_people(&self) -> Vec<Id> {
        if !self.access.direct {
            return Vec::new();
        }
        let mut people = self.access.users.clone();
        people.extend(self.paired.read().unwrap_or_else(PoisonError::into_inner).iter());
        people.sort_unstable();
        people.dedup();
        people
    }

    /// Returns whether somebody may speak there.
    pub(crate) fn judge(&self, ground: Ground, person: &Person) -> Verdict {
        let open = match ground {
            Ground::Guild(guild) => self.serves(guild),
            Ground::Direct => self.access.direct,
        };
        if !open || (person.is_bot && !self.access.bots.contains(&person.id)) {
            return Verdict::Closed;
        }
        if person.is_bot || self.lists(person.id) {
            return Verdict::Served;
        }
        // Roles are a server's: by direct message only the people who are named count.
        if ground == Ground::Direct {
            return Verdict::NotNamed;
        }
        if self.access.names_somebody() {
            let has_role = person.roles.iter().any(|role| self.access.roles.contains(role));
            return if has_role { Verdict::Served } else { Verdict::NotNamed };
        }
        if self.access.everyone || self.manages(person) { Verdict::Served } else { Verdict::ManagersOnly }
    }

    /// Returns whether somebody may change what holds for everybody in a server.
    pub(crate) fn manages(&self, person: &Person) -> bool {
        person.may_manage || person.roles.iter().any(|role| self.access.admin_roles.contains(role))
    }

    /// Returns where people who are paired are served.
    pub(crate) fn reach_of_paired(&self) -> &'static str {
        match self.access.direct {
            true => "by direct message and in the servers that are served",
            false => "in the servers that are served",
        }
    }

    fn lists(&self, id: Id) -> bool {
        self.access.users.contains(&id)
            || self.paired.read().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// Serves these people too, by their ids, beside those of the settings.
    pub(crate) fn set_paired(&self, people: &[String]) {
        let people = people.iter().filter_map(|id| id.parse().ok()).collect();
        *self.paired.write().unwrap_or_else(PoisonError::into_inner) = people;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Ground = Ground::Guild(100);

    fn member(id: Id) -> Person {
        Person { id, ..Person::default() }
    }

    fn manager(id: Id) -> Person {
        Person { may_manage: true, ..member(id) }
    }

    fn with_role(id: Id, role: Id) -> Person {
        Person { roles: vec![role], ..member(id) }
    }

    fn bot(id: Id) -> Person {
        Person { is_bot: true, ..member(id) }
    }

    #[test]
    fn without_a_rule_only_who_manages_the_server_is_served() {
        let gate = Gate::new(AccessConfig { admin_roles: vec![9], ..AccessConfig::default() });
        assert_eq!(gate.judge(HERE, &manager(1)), Verdict::Served);
        assert_eq!(gate.judge(HERE, &with_role(2, 9)), Verdict::Served);
        assert_eq!(gate.judge(HERE, &member(3)), Verdict::ManagersOnly);
        assert_eq!(gate.judge(Ground::Direct, &manager(1)), Verdict::Closed);
        gate.set_paired(&["3".to_owned()]);
        assert_eq!(gate.judge(HERE, &member(3)), Verdict::Served);
        assert_eq!(gate.judge(HERE, &member(4)), Verdict::ManagersOnly);
    }

    #[test]
    fn whoever_is_named_or_has_a_named_role_is_served_and_nobody_else() {
        let access =
            AccessConfig { users: vec![1], roles: vec![7], everyone: true, ..AccessConfig::default() };
        let gate = Gate::new(access);
        assert_eq!(gate.judge(HERE, &member(1)), Verdict::Served);
        assert_eq!(gate.judge(HERE, &with_role(2, 7)), Verdict::Served);
        assert_eq!(gate.judge(HERE, &with_role(2, 8)), Verdict::NotNamed);
        assert_eq!(gate.judge(HERE, &manager(3)), Verdict::NotNamed, "a rule holds for managers too");
    }

    #[test]
    fn everybody_is_served_only_where_that_is_written() {
        let gate = Gate::new(AccessConfig { everyone: true, ..AccessConfig::default() });
        assert_eq!(gate.judge(HERE, &member(1)), Verdict::Served);
        assert_eq!(gate.judge(HERE, &bot(2)), Verdict::Closed);
    }

    #[test]
    fn other_servers_are_closed_where_servers_are_named() {
        let access = AccessConfig { guilds: vec![100], users: vec![1], ..AccessConfig::default() };
        let gate = Gate::new(access);
        assert_eq!(gate.judge(HERE, &member(1)), Verdict::Served);
        assert_eq!(gate.judge(Ground::Guild(101), &member(1)), Verdict::Closed);
    }

    #[test]
    fn direct_messages_are_for_people_who_are_named() {
        let access = AccessConfig { users: vec![1], roles: vec![7], direct: true, ..AccessConfig::default() };
        let gate = Gate::new(access);
        assert_eq!(gate.judge(Ground::Direct, &member(1)), Verdict::Served);
        assert_eq!(gate.judge(Ground::Direct, &with_role(2, 7)), Verdict::NotNamed);
        let everyone = Gate::new(AccessConfig { direct: true, everyone: true, ..AccessConfig::default() });
        assert_eq!(everyone.judge(Ground::Direct, &member(1)), Verdict::NotNamed);
        everyone.set_paired(&["1".to_owned(), "nobody".to_owned()]);
        assert_eq!(everyone.judge(Ground::Direct, &member(1)), Verdict::Served);
        assert_eq!(everyone.direct_people(), [1]);
    }

    #[test]
    fn a_bot_is_heard_only_when_it_is_named() {
        let access = AccessConfig { bots: vec![5], users: vec![1], ..AccessConfig::default() };
        let gate = Gate::new(access);
        assert_eq!(gate.judge(HERE, &bot(5)), Verdict::Served);
        assert_eq!(gate.judge(HERE, &bot(1)), Verdict::Closed);
    }
}
