//! A prompt: what it directs, and what it continues. Pure, like all of routing.

use std::path::PathBuf;

use super::ambient::{ambient_context, bound_context, default_engine, is_unbound_topic, options_for};
use super::{Continue, Decision, Enclosed, Facts, Known, RunPlan};
use crate::directive::{
    CONTINUE, Directives, Vocabulary, parse_context_line, parse_directives, strip_resume_lines,
};
use crate::id::EngineId;
use crate::message::{Body, Chosen, Message, MessageRef};
use crate::port::ledger::{PreferenceKey, RunRow};
use crate::port::workspace::Place;
use crate::session::{Context, Scope, Session, SessionRow, ThreadKey};
use crate::speech;

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
    pub(super) enclosed: Option<Enclosed>,
}

impl Prompt {
    /// Returns the engine that the person named, by a directive or with a control.
    pub(super) fn asked_engine(&self) -> Option<EngineId> {
        self.engine.clone().or_else(|| self.chosen.engine.clone())
    }

    /// Returns the project and branch that the person named, by directives or with controls. A branch that was
    /// chosen with a project is none of another one.
    pub(super) fn asked_context(&self) -> Context {
        let (directed, chosen) = (&self.directed, &self.chosen.context);
        let project = directed.project.clone().or_else(|| chosen.project.clone());
        let belongs = chosen.project.is_none() || chosen.project == project;
        let branch = directed.branch.clone().or_else(|| chosen.branch.clone().filter(|_| belongs));
        Context { project, branch }
    }
}

/// Reads a message that is no command.
///
/// # Errors
/// A text for the sender.
pub(super) fn read(message: &Message, known: &Known) -> Result<Prompt, String> {
    let (spoken, typed) = speech::split(&message.text);
    let replied_text = message.reply_to.as_ref().and_then(|reply| reply.text.as_deref());
    let (directives, replied) = directed(typed, replied_text, known)?;
    let Directives { engine, project, branch, prompt } = directives;
    let session = known.resume.find(&prompt).or_else(|| message.chosen.session.clone());
    let session = session.or_else(|| replied_text.and_then(|text| known.resume.find(text)));
    let enclosed = Enclosed::of(message, known);
    let text = match strip_resume_lines(&prompt, |line| known.resume.is_line(line)) {
        // Nothing but directives or a resume line: the files are what the engine is given.
        stripped if stripped == CONTINUE && prompt.trim() != CONTINUE && enclosed.is_some() => String::new(),
        stripped => format!("{spoken}{stripped}"),
    };
    Ok(Prompt {
        text,
        engine,
        directed: Context { project, branch },
        replied,
        session,
        chosen: message.chosen.clone(),
        message: message.message.clone(),
        enclosed,
    })
}

/// Returns the directives of what was typed, and the context of what was replied to.
///
/// # Errors
/// A text for the sender.
pub(super) fn directed(
    typed: &str,
    replied: Option<&str>,
    known: &Known,
) -> Result<(Directives, Option<Context>), String> {
    let aliases = known.projects.iter().map(|project| project.key.as_str());
    let vocabulary = Vocabulary::new(known.engine_names().cloned(), aliases).with_bot(known.bot.clone());
    let directives = parse_directives(typed, &vocabulary).map_err(|error| error.to_string())?;
    let replied = replied.map(|text| parse_context_line(text, &vocabulary)).transpose();
    Ok((directives, replied.map_err(|error| error.to_string())?.flatten()))
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

/// Decides which run a prompt becomes; `scope` is whose conversation it may go on in.
pub(super) fn decide(prompt: &Prompt, scope: &Scope, facts: &Facts, known: &Known) -> Decision {
    let address = &prompt.message.address;
    let own_dir = prompt.chosen.dir.clone().filter(|_| known.caller_dir);
    let place = own_dir.map_or(Place::Open, Place::Caller);
    let ambient = || ambient_context(prompt, facts, known, address);

    if let Some(continued) = continued_session(prompt, facts) {
        // A session goes on where it was: what the chat is bound to now may be gone without any harm.
        let context = match continued.context.clone().map_or_else(ambient, Ok) {
            Ok(context) => context,
            Err(problem) => return Decision::Refuse(problem),
        };
        let remark = unheeded(prompt, &continued);
        let engine = continued.engine;
        if let Some(why) = known.unusable.get(&engine) {
            return Decision::Refuse(why.clone());
        }
        return Decision::Run(Box::new(RunPlan {
            address: address.clone(),
            reply_to: Some(prompt.message.clone()),
            prompt: prompt.text.clone(),
            options: options_for(&engine, facts),
            engine,
            context,
            place: place.or_session(continued.dir),
            placed: false,
            thread: Some(continued.thread),
            session: continued.session,
            binds: false,
            remark,
            enclosed: prompt.enclosed.clone(),
        }));
    }

    let is_said = !prompt.asked_context().is_empty() && prompt.replied.is_none();
    if plain(prompt) && is_unbound_topic(facts, known, address) {
        return Decision::Tell(Box::new(Body::markdown(UNBOUND_TOPIC)));
    }
    let mut ambient = match ambient() {
        Ok(context) => context,
        Err(problem) => return Decision::Refuse(problem),
    };
    let own_branch = own_branch(prompt, facts, known).filter(|_| lacks_only_a_branch(&ambient));
    let is_bound_by_it = own_branch.is_some();
    ambient.branch = ambient.branch.or(own_branch);
    let Some(engine) =
        prompt.asked_engine().or_else(|| default_engine(&ambient, facts, known).map(|(id, _)| id))
    else {
        return Decision::Refuse("no engine serves this chat; name one with /agent".to_owned());
    };
    if let Some(why) = known.unusable.get(&engine) {
        return Decision::Refuse(why.clone());
    }
    let mut plan = RunPlan {
        address: address.clone(),
        reply_to: Some(prompt.message.clone()),
        prompt: prompt.text.clone(),
        options: options_for(&engine, facts),
        context: ambient,
        place,
        placed: !plain(prompt) || is_bound_topic(facts, known),
        thread: None,
        session: Continue::Fresh,
        binds: known.topic && (is_said || is_bound_by_it),
        remark: None,
        enclosed: prompt.enclosed.clone(),
        engine,
    };
    if known.conversations {
        continue_conversation(&mut plan, scope, facts);
    }
    Decision::Run(Box::new(plan))
}

/// What whoever writes into a topic is told before anybody has said what it is about.
const UNBOUND_TOPIC: &str = "this topic isn't bound to a project yet.  \n\
     usage: `/ctx set <project> [@branch]` or usage: `/topic <project> @branch`";

/// Returns the branch of its own that a thread gets with the first thing that is said in it.
fn own_branch(prompt: &Prompt, facts: &Facts, known: &Known) -> Option<String> {
    let stored = &facts.stored;
    let of_thread = |key| stored.preferences.iter().any(|row| row.key == key && row.scope.thread.is_some());
    let is_new =
        stored.conversations.is_empty() && stored.generation == 0 && !of_thread(PreferenceKey::Context);
    known.own_branch.clone().filter(|_| is_new && prompt.replied.is_none())
}

fn lacks_only_a_branch(context: &Context) -> bool {
    context.project.is_some() && context.branch.is_none()
}

/// Returns whether a topic is bound: then its messages are worked on there, whatever was done in it before.
fn is_bound_topic(facts: &Facts, known: &Known) -> bool {
    known.topic && !bound_context(&facts.stored.preferences).is_empty()
}

/// Returns whether a prompt says nothing of where it is to be worked on.
fn plain(prompt: &Prompt) -> bool {
    prompt.chosen.context.is_empty() && prompt.directed.is_empty() && prompt.replied.is_none()
}

/// In a conversation a plain message goes on where the last one stopped; one that names another project,
/// branch or directory than the running session's begins a new one there.
fn continue_conversation(plan: &mut RunPlan, scope: &Scope, facts: &Facts) {
    let generation = facts.stored.generation;
    let running = facts.stored.conversations.iter().find(|row| row.session.engine == plan.engine);
    plan.thread = Some(ThreadKey::Scope(scope.clone(), plan.engine.clone(), generation));
    plan.session = Continue::Conversation(scope.clone(), generation);
    let Some(row) = running else { return };
    if plan.is_elsewhere(row) {
        plan.session = Continue::Fresh;
        return;
    }
    if !plan.placed {
        plan.context = row.context.clone();
        plan.place = std::mem::take(&mut plan.place).or_session(row.cwd.clone());
    }
    plan.thread = Some(ThreadKey::Token(row.session.clone()));
}

/// Returns what a person who names an engine, project or branch for a session that has its own is told.
fn unheeded(prompt: &Prompt, continued: &Continued) -> Option<String> {
    let engine = &continued.engine;
    let asked = prompt.asked_engine().filter(|asked| asked != engine);
    let mut words: Vec<String> = asked.map(|asked| format!("/{asked}")).into_iter().collect();
    let mut whose = format!("of {engine}");
    if let Some(Context { project, branch }) = &continued.context {
        let asked = prompt.asked_context();
        let elsewhere = asked.project.filter(|asked| Some(asked) != project.as_ref());
        words.extend(elsewhere.map(|asked| format!("/{asked}")));
        let other_branch = asked.branch.filter(|asked| Some(asked) != branch.as_ref());
        words.extend(other_branch.map(|asked| format!("@{asked}")));
        let place = project.iter().cloned().chain(branch.iter().map(|branch| format!("@{branch}")));
        let place = place.collect::<Vec<_>>().join(" ");
        if !place.is_empty() {
            whose = format!("{whose} in {place}");
        }
    }
    let verb = if words.len() > 1 { "were" } else { "was" };
    (!words.is_empty())
        .then(|| format!("this continues a session {whose}, so {} {verb} not heeded", words.join(" ")))
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
