//! A prompt: what it directs, and what it continues. Pure, like all of routing.

use std::path::PathBuf;

use super::ambient::{ambient_context, default_engine, options_for};
use super::{Continue, Decision, Facts, Known, RunPlan};
use crate::directive::{Directives, Vocabulary, parse_context_line, parse_directives, strip_resume_lines};
use crate::id::EngineId;
use crate::message::{Chosen, Message, MessageRef};
use crate::port::ledger::RunRow;
use crate::session::{Context, Session, SessionRow, ThreadKey};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prompt {
    pub(super) text: String,
    pub(super) engine: Option<EngineId>,
    pub(super) directed: Context,
    /// From the `ctx:` line of what was replied to.
    pub(super) replied: Option<Context>,
    pub(super) session: Option<Session>,
    pub(super) chosen: Chosen,
    pub(super) message: MessageRef,
}

/// Reads a message that is no command.
///
/// # Errors
/// A text for the sender.
pub(super) fn read(message: &Message, known: &Known) -> Result<Prompt, String> {
    let aliases = known.projects.iter().map(|project| project.key.as_str());
    let vocabulary = Vocabulary::new(known.engines.iter().cloned(), aliases);
    let Directives { engine, project, branch, prompt } =
        parse_directives(&message.text, &vocabulary).map_err(|error| error.to_string())?;
    let replied_text = message.reply_to.as_ref().and_then(|reply| reply.text.as_deref());
    let replied = replied_text
        .map(|text| parse_context_line(text, &vocabulary))
        .transpose()
        .map_err(|error| error.to_string())?
        .flatten();
    let session =
        known.resume.find(&prompt).or_else(|| replied_text.and_then(|text| known.resume.find(text)));
    let text = strip_resume_lines(&prompt, |line| known.resume.is_line(line));
    Ok(Prompt {
        text,
        engine,
        directed: Context { project, branch },
        replied,
        session,
        chosen: message.chosen.clone(),
        message: message.message.clone(),
    })
}

/// What a prompt continues, if it continues anything.
struct Continued {
    engine: EngineId,
    /// Where it was, which may be nowhere; `None` when nothing is known of it.
    context: Option<Context>,
    dir: Option<PathBuf>,
    thread: ThreadKey,
    session: Continue,
}

/// Decides which run a prompt becomes.
pub(super) fn decide(prompt: &Prompt, facts: &Facts, known: &Known) -> Decision {
    let address = &prompt.message.address;
    let asked_engine = prompt.engine.clone().or_else(|| prompt.chosen.engine.clone());
    let own_dir = if known.caller_dir { prompt.chosen.dir.clone() } else { None };
    let ambient = match ambient_context(prompt, facts, known, address) {
        Ok(context) => context,
        Err(problem) => return Decision::Refuse(problem),
    };

    if let Some(continued) = continued_session(prompt, facts) {
        let engine = continued.engine;
        let remark = prompt
            .engine
            .as_ref()
            .filter(|asked| **asked != engine)
            .map(|asked| format!("this continues a session of {engine}, so /{asked} was not heeded"));
        return Decision::Run(Box::new(RunPlan {
            address: address.clone(),
            reply_to: Some(prompt.message.clone()),
            prompt: prompt.text.clone(),
            options: options_for(&engine, facts),
            engine,
            context: continued.context.unwrap_or(ambient),
            dir: continued.dir.or(own_dir),
            thread: Some(continued.thread),
            session: continued.session,
            remark,
        }));
    }

    let Some(engine) = asked_engine.or_else(|| default_engine(&ambient, facts, known).map(|(id, _)| id))
    else {
        return Decision::Refuse("no engine serves this chat; name one with /agent".to_owned());
    };
    let mut plan = RunPlan {
        address: address.clone(),
        reply_to: Some(prompt.message.clone()),
        prompt: prompt.text.clone(),
        options: options_for(&engine, facts),
        context: ambient,
        dir: own_dir,
        thread: None,
        session: Continue::Fresh,
        remark: None,
        engine,
    };
    if known.conversations {
        continue_conversation(&mut plan, prompt, facts);
    }
    Decision::Run(Box::new(plan))
}

/// In a conversation a plain message goes on where the last one stopped; one that names another project,
/// branch or directory than the running session's begins a new one there.
fn continue_conversation(plan: &mut RunPlan, prompt: &Prompt, facts: &Facts) {
    let generation = facts.stored.generation;
    let running = facts.stored.conversations.iter().find(|row| row.session.engine == plan.engine);
    plan.thread = Some(ThreadKey::Scope(plan.address.clone(), plan.engine.clone(), generation));
    plan.session = Continue::Conversation(plan.address.clone(), generation);
    let Some(row) = running else { return };
    let plain = prompt.chosen.context.is_empty() && prompt.directed.is_empty() && prompt.replied.is_none();
    let moved = plan.dir.is_some() && row.context.is_empty() && plan.dir != row.cwd;
    if (!plain && plan.context != row.context) || moved {
        plan.session = Continue::Fresh;
        return;
    }
    if plain {
        plan.context = row.context.clone();
        plan.dir = row.cwd.clone().or_else(|| plan.dir.take());
    }
    plan.thread = Some(ThreadKey::Token(row.session.clone()));
}

fn continued_session(prompt: &Prompt, facts: &Facts) -> Option<Continued> {
    if let Some(session) = &prompt.session {
        return Some(resumed(session, facts.stored.session.as_ref()));
    }
    let stored = facts.stored.run.as_ref();
    if let Some(row) = &facts.stored.session
        && stored.is_some()
    {
        return Some(resumed(&row.session, Some(row)));
    }
    if let Some(live) = &facts.live {
        return Some(Continued {
            engine: live.engine.clone(),
            context: Some(live.context.clone()),
            dir: None,
            thread: live.thread.clone(),
            session: Continue::Run(live.run),
        });
    }
    stored.and_then(resumed_run)
}

fn resumed(session: &Session, row: Option<&SessionRow>) -> Continued {
    Continued {
        engine: session.engine.clone(),
        context: row.map(|row| row.context.clone()),
        dir: row.and_then(|row| row.cwd.clone()),
        thread: ThreadKey::Token(session.clone()),
        session: Continue::Session(session.token.clone()),
    }
}

fn resumed_run(run: &RunRow) -> Option<Continued> {
    let opened = &run.opened;
    let token = opened.session.clone()?;
    Some(Continued {
        engine: opened.engine.clone(),
        context: Some(opened.context.clone()),
        dir: opened.dir.clone(),
        thread: ThreadKey::Token(Session { engine: opened.engine.clone(), token: token.clone() }),
        session: Continue::Session(token),
    })
}
