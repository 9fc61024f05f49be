//! Taking over what the Discord plugin of a Python takopi kept. Its files name threads without their channels, so Discord
//! is asked first, beside whatever else goes on; while it cannot be asked, nothing is taken, and the next start tries
//! again.

use std::path::PathBuf;
use std::sync::Arc;

use takopi_core::desk::Desk;
use takopi_core::id::InstanceId;
use takopi_core::message::{Address, Body};
use takopi_core::port::transport::Trigger;
use takopi_core::session::Context;
use takopi_core::settings::Secret;
use takopi_discord::{DiscordConfig, Setup};
use takopi_ledger::{PythonDiscord, SqliteLedger, python_discord_channels};

/// Places that are asked about at most: each is one question, and Discord answers fifty in a second.
const MOST_PLACES: usize = 5_000;

/// What is there to be taken over, and by whom.
pub(super) struct Inheritance {
    pub(super) config: DiscordConfig,
    pub(super) token: Secret,
    pub(super) instance: InstanceId,
    /// Where the files are.
    pub(super) dir: PathBuf,
    /// The project of channels that are bound to none.
    pub(super) usual_project: Option<String>,
    pub(super) ledger: Arc<SqliteLedger>,
}

/// What was taken over.
struct Taken {
    /// How many places Discord showed.
    found: usize,
    /// How many the bot may not see now; they are tried again.
    hidden: usize,
    /// Of how many.
    of: usize,
    /// Whether any of it is new.
    is_new: bool,
}

impl Inheritance {
    /// Takes it, and tells the log and `chat` of it.
    pub(super) async fn take(self, desk: &Desk, chat: Option<Address>) {
        let instance = &self.instance;
        let Taken { found, hidden, of, is_new } = match self.taken().await {
            Ok(taken) => taken,
            Err(why) => {
                tracing::error!(%instance, %why, "the Python takopi's channels are not taken over; the next start tries again");
                return;
            }
        };
        tracing::info!(%instance, found, hidden, of, "the Python takopi's channels and threads were asked about");
        let Some(chat) = chat.filter(|_| is_new) else { return };
        if let Err(error) = desk.tell(&chat, &Body::markdown(self.told(found, hidden, of))).await {
            tracing::warn!(%instance, %error, "nobody is told that the Python takopi's channels were taken over");
        }
    }

    async fn taken(&self) -> Result<Taken, String> {
        let dir = self.dir.clone();
        let read = tokio::task::spawn_blocking(move || python_discord_channels(&dir)).await;
        let mut places = read.map_err(|error| error.to_string())?;
        let of = places.len();
        places.truncate(MOST_PLACES);
        let setup = Setup::new(Some(&self.config.api_url), &self.token).map_err(|error| error.to_string())?;
        let parents = setup.parents(&places).await.map_err(|error| error.to_string())?;
        let usual = |_: &str| Context { project: self.usual_project.clone(), branch: None };
        let state = PythonDiscord {
            dir: &self.dir,
            instance: &self.instance,
            parents: &parents.of,
            hidden: &parents.hidden,
            usual_context: &usual,
        };
        let is_new = self.ledger.import_python_discord(&state).await.map_err(|error| error.to_string())?;
        Ok(Taken { found: parents.of.len(), hidden: parents.hidden.len(), of, is_new })
    }

    /// Returns what the chat is told, with what is different from now on.
    fn told(&self, found: usize, hidden: usize, of: usize) -> String {
        let mut text = format!(
            "Taken over from the Python takopi: what it knew of {found} of {of} channels and threads. Its threads go on."
        );
        if hidden > 0 {
            let more = format!(
                " {hidden} more cannot be seen by the bot: let it view those channels and start takopi again, and they \
                 are taken over too."
            );
            text.push_str(&more);
        }
        if self.config.trigger != Trigger::All {
            text.push_str(
                " It answered every message; from now on those that mention the bot, reply to it or stand in its \
                 threads. `trigger_mode_default = \"all\"` is how it was.",
            );
        }
        text
    }
}
