//! Tables whose bot is that of another table: Telegram hands each message to one of those who ask, Discord hands it to
//! all of them, so only the first of them is served. Files of tokens are read for that; nothing is asked of the network.

use takopi_core::id::InstanceId;
use takopi_core::settings::{Diagnostic, Place, Reading, Secret, Settings, Severity};

use super::accounts::BotTable;

/// The tables that are not served because their bots are those of others.
pub(crate) struct Doubles(Vec<Double>);

struct Double {
    instance: InstanceId,
    first: InstanceId,
    place: Place,
    /// Where people get a bot.
    source: &'static str,
}

impl Doubles {
    /// Finds them among the tables that are to be served. One whose token cannot be had is told of elsewhere.
    pub(crate) fn among(settings: &Settings) -> Self {
        let mut bots: Vec<(InstanceId, Secret, BotTable)> = Vec::new();
        let mut doubles = Vec::new();
        for instance in settings.served() {
            let Some(Reading { value: table, .. }) = BotTable::read(settings, instance) else { continue };
            let (Ok(token), id) = (table.token(), &instance.id) else { continue };
            match bots.iter().find(|(_, known, other)| *known == token && table.is_at_server_of(other)) {
                Some((first, ..)) => doubles.push(Double {
                    instance: id.clone(),
                    first: first.clone(),
                    place: settings.place_of(&format!("transports.{id}")),
                    source: table.source(),
                }),
                None => bots.push((id.clone(), token, table)),
            }
        }
        Self(doubles)
    }

    /// Returns whether an instance is one of them.
    pub(crate) fn has(&self, instance: &InstanceId) -> bool {
        self.0.iter().any(|double| double.instance == *instance)
    }

    /// Returns what is to be told of each, with both tables.
    pub(crate) fn told(&self) -> impl Iterator<Item = Diagnostic> {
        self.0.iter().map(|Double { instance, first, place, source }| Diagnostic {
            severity: Severity::Warning,
            place: place.clone(),
            key: format!("transports.{instance}"),
            problem: format!("its bot is that of [transports.{first}], which alone is served"),
            remedy: format!(
                "get [transports.{instance}] a bot of its own {source}, or write `enabled = false` there"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use takopi_core::settings::{ConfigFile, Input, load};

    use super::super::rooms::built_in;
    use super::*;

    #[test]
    fn the_second_table_of_a_bot_is_told_with_the_first_and_other_bots_are_not() {
        let table = |name: &str, token: &str, more: &str| {
            format!("[transports.{name}]\nkind = 'telegram'\nbot_token = '{token}'\nchat_id = 7\n{more}\n")
        };
        let (ours, other) =
            ("123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "654321:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB");
        let text = [
            table("telegram", ours, ""),
            table("off", ours, "enabled = false"),
            table("other", other, ""),
            table("test_server", ours, "api_url = 'http://127.0.0.1:8081'"),
            table("twice", ours, ""),
            "[transports.discord]\nbot_token = 'a.b.c'\n[transports.again]\nkind = 'discord'\nbot_token = 'a.b.c'\n"
                .to_owned(),
        ];
        let content = Ok(text.concat().into_bytes());
        let file = ConfigFile { path: "/home/takopi.toml".into(), named: true, content };
        let input = Input { file: &file, environment: &[], overrides: &[], home: Some(Path::new("/home")) };
        let doubles = Doubles::among(&load(&input, &built_in().unwrap()).unwrap().settings);
        let told: Vec<String> = doubles.told().map(|told| told.to_string()).collect();
        assert_eq!(
            told,
            [
                "warning: ~/takopi.toml:21:13: transports.twice: its bot is that of [transports.telegram], which alone \
              is served; get [transports.twice] a bot of its own from @BotFather, or write `enabled = false` there",
                "warning: ~/takopi.toml:28:13: transports.again: its bot is that of [transports.discord], which alone is \
              served; get [transports.again] a bot of its own from https://discord.com/developers/applications, or write \
              `enabled = false` there"
            ]
        );
        assert!(doubles.has(&InstanceId::parse("twice").unwrap()));
        assert!(!doubles.has(&InstanceId::parse("telegram").unwrap()));
    }
}
