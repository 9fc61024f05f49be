//! What a person chooses for an engine in a scope, one value per engine: the frame of `/model` and
//! `/reasoning`. It reads what was typed, asks the engine what there is, and says what holds and why.

use std::sync::Arc;

use async_trait::async_trait;
use takopi_core::id::EngineId;
use takopi_core::port::command::{Call, Command, CommandError, CommandHost, CommandReply, EngineStatus};
use takopi_core::port::engine::{Choices, RunOptions};
use takopi_core::port::ledger::{Preference, PreferenceKey};
use takopi_core::render::{code_span, shorten};
use takopi_core::settings::closest;
use tokio_util::sync::CancellationToken;

use crate::LISTED;

/// Longest value, in bytes: the longest names of models have about 80.
const MAX_VALUE_BYTES: usize = 200;

/// What is particular of one such command.
pub(crate) struct Choice {
    /// Where it is kept.
    pub(crate) key: PreferenceKey,
    /// The command, which is also what the value is called.
    pub(crate) command: &'static str,
    /// What is new once it is set.
    pub(crate) noun: &'static str,
    /// What is changed, in the plural.
    pub(crate) plural: &'static str,
    /// What the permission to change it is called.
    pub(crate) right: &'static str,
    /// The value as usage shows it.
    pub(crate) value: &'static str,
    /// Takes it from the settings.
    pub(crate) configured: fn(RunOptions) -> Option<String>,
    /// Takes what is offered.
    pub(crate) offered: fn(Choices) -> Vec<String>,
    /// Whether nothing but what is offered may be chosen, where anything is.
    pub(crate) closed: bool,
    /// Whether values are written in lower case.
    pub(crate) lower_case: bool,
}

/// The command of a choice.
pub(crate) struct Choose(pub(crate) &'static Choice);

#[async_trait]
impl Command for Choose {
    async fn call(
        &self,
        call: Call,
        host: Arc<dyn CommandHost>,
        stop: CancellationToken,
    ) -> Result<Option<CommandReply>, CommandError> {
        let choice = self.0;
        let engines = host.engines().await;
        let Typed { engine, asked } = choice.read(&call.words, &engines)?;
        let named = engine.is_some();
        let id = match engine {
            Some(id) => id,
            None => host.default_engine().await?.0,
        };
        let takes = |engine: &&EngineStatus| engine.id == id && engine.options;
        let Some(engine) = engines.iter().find(takes) else {
            let text = format!("`{id}` takes no model and no reasoning level");
            return match asked {
                Asked::Set(_) | Asked::Offered(_) => Err(CommandError(text.replace('`', "'"))),
                Asked::Show | Asked::Clear => Ok(Some(CommandReply::markdown(text))),
            };
        };
        if !matches!(asked, Asked::Show)
            && let Some(refusal) = crate::refusal(&*host, choice.plural, choice.right).await
        {
            return Ok(Some(CommandReply::markdown(refusal)));
        }
        let scope = crate::scope(&*host);
        let scene = Scene { choice, host: &*host, stop: &stop, engine, named, scope };
        let text = match asked {
            Asked::Show => scene.show().await?,
            Asked::Clear => scene.clear().await?,
            Asked::Offered(value) if !choice.closed && !scene.offered().await?.contains(&value) => {
                return Err(choice.usage());
            }
            Asked::Set(value) | Asked::Offered(value) => scene.set(&value).await?,
        };
        Ok(Some(CommandReply::markdown(text)))
    }
}

/// What was typed.
struct Typed {
    engine: Option<EngineId>,
    asked: Asked,
}

enum Asked {
    Show,
    Clear,
    Set(String),
    /// A word alone, which may be a slip: it is set when it is one that the engine lists.
    Offered(String),
}

impl Choice {
    /// Reads `[show | set | clear] [ENGINE] [set | clear] [VALUE]`: the order of the Python takopi, and that of the
    /// options of services with native commands.
    fn read(&self, words: &[String], engines: &[EngineStatus]) -> Result<Typed, CommandError> {
        let (mut verb, mut engine) = (None, None);
        let mut rest = words;
        while let [word, others @ ..] = rest {
            // A phone's keyboard begins with a capital.
            let lower = word.trim_start_matches('/').to_lowercase();
            let named = engines.iter().find(|engine| engine.id.as_str() == lower);
            match (lower.as_str(), named) {
                ("show" | "set" | "clear", _) if verb.is_none() => verb = Some(lower),
                (_, Some(named)) if engine.is_none() => engine = Some(named.id.clone()),
                _ => break,
            }
            rest = others;
        }
        let asked = match (verb.as_deref(), rest) {
            (None, []) | (Some("show"), _) => Asked::Show,
            (Some("clear"), []) => Asked::Clear,
            (None, [value]) if engine.is_none() => Asked::Offered(self.value(value)?),
            (None, [value]) => Asked::Set(self.value(value)?),
            // Names of models may have blanks.
            (Some("set"), [_, ..]) => Asked::Set(self.value(&rest.join(" "))?),
            (Some("clear"), [word]) | (None, [word, _]) if engine.is_none() => {
                let CommandError(text) = unknown_engine(word, engines);
                return Err(CommandError(format!("{text}\n{}", self.usage())));
            }
            _ => return Err(self.usage()),
        };
        Ok(Typed { engine, asked })
    }

    /// Returns a value as it may be kept. It comes to stand in a command line.
    fn value(&self, word: &str) -> Result<String, CommandError> {
        let odd = |character: char| character.is_control() || character == '`';
        if word.starts_with('-') {
            let text = format!("{} looks like an option of a program", crate::quoted(word));
            return Err(CommandError(format!("{text}; write /{} set {}", self.command, self.value)));
        }
        if word.is_empty() || word.len() > MAX_VALUE_BYTES || word.contains(odd) {
            return Err(CommandError(format!("{} names no {}", crate::quoted(word), self.command)));
        }
        Ok(if self.lower_case { word.to_lowercase() } else { word.to_owned() })
    }

    fn usage(&self) -> CommandError {
        let (command, value) = (self.command, self.value.to_lowercase());
        let set = format!("/{command} set <{value}>, /{command} set <engine> <{value}>");
        CommandError(format!("usage: /{command}, {set}, or /{command} clear [engine]"))
    }
}

fn unknown_engine(word: &str, engines: &[EngineStatus]) -> CommandError {
    let ids = engines.iter().map(|engine| engine.id.as_str());
    CommandError(crate::unknown_engine(word, ids))
}

/// One call for one engine.
struct Scene<'a> {
    choice: &'a Choice,
    host: &'a dyn CommandHost,
    stop: &'a CancellationToken,
    engine: &'a EngineStatus,
    /// Whether the engine was named.
    named: bool,
    /// What the value is set for.
    scope: &'static str,
}

impl Choice {
    /// Says what holds here for an engine, and where that was set.
    pub(crate) async fn line(&self, host: &dyn CommandHost, id: &EngineId) -> Result<String, CommandError> {
        let command = self.command;
        let (value, from) = match preferred(host, self.key, id).await? {
            Some(row) if row.scope.thread.is_some() => (row.value, "topic override"),
            Some(row) => (row.value, "chat default"),
            None => match host.configured(id).await {
                Ok(configured) => match (self.configured)(configured) {
                    Some(value) => (value, "settings"),
                    None => return Ok(format!("{command}: default (no override)")),
                },
                Err(CommandError(problem)) => return Ok(format!("{command}: unknown ({problem})")),
            },
        };
        Ok(format!("{command}: {} ({from})", code_span(&value)))
    }
}

async fn preferred(
    host: &dyn CommandHost,
    key: PreferenceKey,
    engine: &EngineId,
) -> Result<Option<Preference>, CommandError> {
    let rows = host.preferences().await?;
    Ok(rows.into_iter().find(|row| row.key == key && row.engine.as_ref() == Some(engine)))
}

impl Scene<'_> {
    async fn show(&self) -> Result<String, CommandError> {
        let choices = self.choices().await?;
        let untold = choices.untold.clone();
        let offered = (self.choice.offered)(choices);
        let (Choice { command, value, .. }, id) = (self.choice, &self.engine.id);
        let engine = match self.named {
            true => format!("engine: `{id}`"),
            false => format!("engine: {}", crate::engine_here(self.host).await),
        };
        let mut paragraphs = vec![engine, self.choice.line(self.host, id).await?, self.defaults().await?];
        if !self.choice.closed {
            let ids = self.host.engines().await;
            let ids = crate::list(ids.iter().take(LISTED).map(|engine| &engine.id));
            paragraphs.push(format!("available engines: {ids}"));
        }
        let reason = untold.filter(|_| offered.is_empty());
        paragraphs.extend(reason.map(|why| format!("`{id}` was asked what it offers and {why}")));
        paragraphs.push(match offered.as_slice() {
            [] if self.choice.closed => format!("`{id}` takes any word"),
            [] => format!("`{id}` does not tell which there are; any name is passed on"),
            _ if self.choice.closed => format!("available levels: {}", listed(&offered)),
            _ => format!("`{id}` lists {}; others may work", listed(&offered)),
        });
        if let Some(issue) = &self.engine.issue {
            paragraphs.push(format!("it cannot run yet: {}", shorten(issue, 200)));
        }
        let other = format!("for another engine write `/{command} set ENGINE {value}`");
        paragraphs
            .push(format!("set one with `/{command} set {value}`, go back with `/{command} clear`; {other}"));
        Ok(paragraphs.join("\n\n"))
    }

    /// Says what is set for the topic and for its chat.
    async fn defaults(&self) -> Result<String, CommandError> {
        let rows = self.host.preferences().await?;
        let set = |in_thread: bool| {
            let is_meant = |row: &&Preference| {
                row.key == self.choice.key
                    && row.engine.as_ref() == Some(&self.engine.id)
                    && row.scope.thread.is_some() == in_thread
            };
            rows.iter().find(is_meant).map_or_else(|| "none".to_owned(), |row| code_span(&row.value))
        };
        Ok(format!("defaults: topic: {}, chat: {}", set(true), set(false)))
    }

    async fn clear(&self) -> Result<String, CommandError> {
        self.host.prefer(self.choice.key, Some(&self.engine.id), None).await?;
        let (scope, command) = (self.scope, self.choice.command);
        Ok(match scope {
            "topic" => format!("topic {command} override cleared (using chat default)."),
            _ => format!("{scope} {command} override cleared."),
        })
    }

    async fn set(&self, value: &str) -> Result<String, CommandError> {
        let (Choice { command, closed, key, .. }, id) = (self.choice, &self.engine.id);
        let offered = self.offered().await?;
        let is_offered = offered.is_empty() || offered.iter().any(|one| one == value);
        let near = closest(value, offered.iter().map(String::as_str));
        let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
        if *closed && !is_offered {
            let (value, offered) = (crate::shown(value), listed(&offered).replace('`', ""));
            return Err(CommandError(format!(
                "unknown {command} level {value}. {near}available levels: {offered}"
            )));
        }
        self.host.prefer(*key, Some(id), Some(value)).await?;
        let told = |offered: &[String]| format!("{near}it lists {}", listed(offered));
        let clean = format!("If you want a clean start on the new {}, run /new.", self.choice.noun);
        let set =
            format!("{} {command} override set to {} for `{id}`. {clean}", self.scope, code_span(value));
        Ok(match is_offered {
            true => set,
            false => format!("{set}\n\n`{id}` does not list it, so it may not work; {}", told(&offered)),
        })
    }

    /// Returns what it lists, for the model that holds here: a level belongs to a model.
    async fn offered(&self) -> Result<Vec<String>, CommandError> {
        self.choices().await.map(self.choice.offered)
    }

    async fn choices(&self) -> Result<Choices, CommandError> {
        let model = preferred(self.host, PreferenceKey::Model, &self.engine.id).await?.map(|row| row.value);
        let asked = self.host.choices(&self.engine.id, model.as_deref());
        match self.stop.run_until_cancelled(asked).await {
            Some(choices) => choices,
            None => Err(CommandError(format!("{} was not asked to the end", self.engine.id))),
        }
    }
}

/// Returns what is offered as a list for people.
fn listed(offered: &[String]) -> String {
    let more = offered.len().saturating_sub(LISTED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    crate::list(offered.iter().take(LISTED).map(|value| code_span(&shorten(value, 60)))) + &more
}
