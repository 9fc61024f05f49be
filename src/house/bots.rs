//! The bots that are served, from one reading of the settings to the next: which stay as they are, which give way
//! to a new one, which go. Making the next ones changes nothing; a table that cannot be used keeps all the old.

use std::sync::Arc;

use takopi_core::id::InstanceId;
use takopi_core::port::Transcriber;
use takopi_core::settings::{Secret, Settings};

use super::accounts::BotTable;
use super::bot::{Bot, Heir};
use super::doubles::Doubles;
use super::rooms::told;
use super::telegram::Surroundings;
use super::warn;

/// The bots by one reading of the settings.
#[derive(Clone, Default)]
pub(super) struct Bots(Vec<Served>);

#[derive(Clone)]
struct Served {
    bot: Arc<Bot>,
    /// Who hears its voice notes.
    ears: Option<Arc<dyn Transcriber>>,
    /// Whether it has to be served yet.
    is_new: bool,
}

impl Bots {
    /// Makes the bots that are to be served by `settings`, after `self`: one whose table and token are what they
    /// were stays.
    ///
    /// # Errors
    /// With every mistake of a table, or why there is no token.
    pub(super) fn next(&self, settings: &Settings, around: &Surroundings) -> anyhow::Result<Self> {
        let mut next = Vec::new();
        let doubles = Doubles::among(settings);
        doubles.told().for_each(|double| warn(&double));
        for instance in settings.served().filter(|it| !doubles.has(&it.id)) {
            let Some(reading) = BotTable::read(settings, instance) else { continue };
            let (table, warnings) = reading.usable().map_err(|mistakes| anyhow::anyhow!(told(&mistakes)))?;
            warnings.iter().for_each(warn);
            let old = self.0.iter().map(|served| &served.bot).find(|bot| bot.instance == instance.id);
            let token = table.token()?;
            let same = old.filter(|old| old.is_by(&table, &token)).cloned();
            let is_new = same.is_none();
            let bot = match same {
                Some(bot) => bot,
                None => {
                    Arc::new(Bot::new(settings, &instance.id, (table, token), around, old.map(Arc::as_ref))?)
                }
            };
            next.push(Served { ears: bot.hearing()?, bot, is_new });
        }
        Ok(Self(next))
    }

    /// Asks whether the new ones could work: whether their servers know their tokens, and allow what they are to do.
    ///
    /// # Errors
    /// With what to do about one that could not. A server that doesn't answer may allow it.
    pub(super) async fn try_new_ones(&self, old: &Self) -> anyhow::Result<()> {
        for (bot, is_stranger) in self.new_ones(old) {
            if let Some(told) = bot.own().refusal(is_stranger).await {
                anyhow::bail!(told);
            }
        }
        Ok(())
    }

    /// Serves them, and those of `old` no longer that aren't among them.
    pub(super) async fn serve(&self, old: &Self, heir: &Heir<'_>) {
        let Heir { desk, ledger, opening, .. } = heir;
        for gone in old.0.iter().map(|served| &served.bot.instance).filter(|old| !self.serves(old)) {
            // Its token may be another table's now: it has to be gone before that one polls.
            desk.retire(gone).await;
            desk.set_transcriber(gone, None);
            tracing::info!(instance = %gone, "a transport is served no longer");
        }
        for Served { bot, ears, is_new } in &self.0 {
            desk.set_transcriber(&bot.instance, ears.clone());
            bot.own().learn(desk, &opening.settings).await;
            if *is_new {
                bot.inherit(heir).await;
                bot.move_to(&opening.dir, ledger).await;
                desk.serve(bot.instance.clone(), bot.own().spec(), bot.own().transport()).await;
            }
        }
    }

    /// Returns them as those that are served.
    pub(super) fn served(self) -> Self {
        Self(self.0.into_iter().map(|served| Served { is_new: false, ..served }).collect())
    }

    /// Returns the bots, in the order of the settings.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Bot>> {
        self.0.iter().map(|served| &served.bot)
    }

    /// Returns the bots that have to be served yet, and whether nobody has met them by `old`.
    pub(super) fn new_ones(&self, old: &Self) -> impl Iterator<Item = (&Arc<Bot>, bool)> {
        let is_known = |bot: &Bot| old.iter().any(|before| before.is_same_account(bot));
        self.0.iter().filter(|served| served.is_new).map(move |served| (&served.bot, !is_known(&served.bot)))
    }

    /// Returns what logs must not show.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        self.iter().map(|bot| bot.secret()).collect()
    }

    fn serves(&self, instance: &InstanceId) -> bool {
        self.iter().any(|bot| bot.instance == *instance)
    }
}
