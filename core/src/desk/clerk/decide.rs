//! Deciding: an arrival, the facts about it, one decision, and what follows from it. What becomes a run
//! goes to the queue (`clerk.rs`), what becomes a call to `host.rs`.

use std::sync::Arc;

use super::{Arrival, Clerk};
use crate::desk::Instance;
use crate::desk::generation::InForce;
use crate::desk::hear;
use crate::desk::host::{self, Caller};
use crate::desk::outgoing;
use crate::desk::perform::Assignment;
use crate::desk::topics;
use crate::directive::CONTINUE;
use crate::event::Outcome;
use crate::id::{CommandId, RunId};
use crate::message::{self, Address, AttachmentKind, Body, Inbound, Message, MessageRef};
use crate::port::engine::{Answer, Stop};
use crate::port::ledger::{FactsQuery, InboxId, LedgerError, Post, Settled};
use crate::route::{self, Decision, Facts, Known, Wants};
use crate::session::{Generation, Scope};
use crate::speech;

/// Where and by what something is decided.
struct Scene {
    instance: Arc<Instance>,
    in_force: Arc<InForce>,
    known: Known,
    /// The scope whose running conversation a run's session becomes, and its generation.
    conversation: Option<(Scope, Generation)>,
}

fn overheard(wants: &Wants, message: &Message, facts: &Facts, known: &Known, instance: &Instance) -> bool {
    route::is_overheard(wants, message, facts, known, instance.heard(message))
}

impl Clerk {
    /// Decides what is to be done about an arrival, and does it.
    pub(super) async fn route(&mut self, mut arrival: Arrival) {
        let Some(instance) = self.desk.instance(&arrival.inbound.address().instance) else {
            self.parked.push(arrival);
            return;
        };
        if let (Some(plain), Inbound::Message(message)) = (arrival.follows, &mut arrival.inbound) {
            if self.attach(plain, &arrival.inbox, message) {
                return;
            }
            self.reply_to_run_of(plain, message);
        }
        let in_force = self.desk.in_force();
        let known = in_force.known_of(&arrival.inbound, &instance);
        let wants = route::wants(&arrival.inbound, &known);
        match self.facts(&wants).await {
            Ok(facts) => {
                let decision = match &arrival.inbound {
                    Inbound::Message(message) if overheard(&wants, message, &facts, &known, &instance) => {
                        Decision::Ignore
                    }
                    _ => route::decide(&wants, &facts, &known),
                };
                let running = (wants.query.scope, facts.stored.generation);
                let conversation = known.conversations.then_some(running);
                self.apply(arrival, decision, Scene { instance, in_force, known, conversation }).await;
            }
            Err(error) => {
                tracing::error!(%error, "could not decide; the message stays accepted");
                let text =
                    format!("error: {error}; the message is kept and runs when takopi is started again");
                host::tell_unstored(&self.desk, arrival.inbound.message().clone(), vec![Body::plain(text)]);
            }
        }
    }

    /// Has a voice note heard; returns whether it is. One from an instance that is not served now waits, one that
    /// is not meant for the bot goes to no transcriber.
    pub(super) async fn listen(&mut self, inbox: InboxId, message: &Message) -> bool {
        let Some(instance) = self.desk.instance(&message.message.address.instance) else {
            let inbound = Inbound::Message(message.clone());
            self.parked.push(Arrival { inbox: vec![inbox], inbound, follows: None, stopped: Vec::new() });
            return false;
        };
        // A forwarded one may belong to what its sender has just said.
        let belongs = message.forwarded && self.gatherer.holds_back(message);
        if !belongs && self.is_overheard(message, &instance).await {
            self.settle(&[inbox], &message.message, Settled::Ignored);
            return false;
        }
        self.desk.work.spawn(hear::hear(self.desk.clone(), instance, inbox, message.clone()));
        true
    }

    /// Returns whether a voice note is not meant for the bot, as far as can be told without its words.
    async fn is_overheard(&self, message: &Message, instance: &Instance) -> bool {
        let known = self.desk.in_force().known(&message.message.address, instance);
        let wants = route::wants(&Inbound::Message(message.clone()), &known);
        match self.facts(&wants).await {
            Ok(facts) => overheard(&wants, message, &facts, &known, instance),
            Err(error) => {
                tracing::warn!(%error, "it is not known whether a voice note is meant for the bot");
                false
            }
        }
    }

    /// Lets a voice note go on with its words, or tells its sender why it doesn't.
    pub(super) async fn take_words(
        &mut self,
        inbox: InboxId,
        message: &MessageRef,
        said: Result<String, Box<Body>>,
    ) {
        let now = self.desk.now();
        let released = match said {
            Ok(words) => {
                let Some(typed) = self.gatherer.typed(message) else { return };
                let text = speech::with_words(typed, &words);
                if let Err(error) = self.desk.ledger.amend(inbox, &text).await {
                    tracing::warn!(inbox = inbox.0, %error, "after a restart this voice note is heard again");
                }
                self.gatherer.heard(message, text, now)
            }
            Err(told) => {
                let Some(cancelled) = self.gatherer.cancel(message, now) else { return };
                self.stopped.remove(&inbox);
                match self.desk.instance(&message.address.instance) {
                    Some(instance) => self.reply(&[inbox], message.clone(), &told, &instance),
                    None => tracing::info!(inbox = inbox.0, "a voice note is heard at the next start"),
                }
                cancelled.released
            }
        };
        self.route_all(released).await;
    }

    async fn facts(&self, wants: &Wants) -> Result<Facts, LedgerError> {
        let stored = self.desk.ledger.facts(&wants.query).await?;
        let about = wants.query.about.as_ref();
        let live = about.and_then(|message| {
            let here = self.desk.live_at(&message.address);
            let by_message = here.iter().find(|run| run.is_about(message));
            let run = by_message.or_else(|| {
                let stored = stored.run.as_ref()?;
                here.iter().find(|run| run.id == stored.opened.id)
            })?;
            Some(run.facts(self.queue.thread_of(run.id)?.clone()))
        });
        Ok(Facts { live, ..self.desk.facts_at(&wants.query.scope.address, stored) })
    }

    async fn apply(&mut self, arrival: Arrival, decision: Decision, scene: Scene) {
        let Arrival { inbox, inbound, stopped, .. } = arrival;
        let Scene { instance, in_force, known, conversation } = scene;
        if !matches!(decision, Decision::Run(_)) {
            self.disinherit(&inbox, &instance);
        }
        match decision {
            Decision::Run(plan) => {
                let bound = plan.binds.then(|| (plan.address.clone(), plan.context.clone()));
                // A branch that was made up for a thread is named after what the thread is called already.
                let is_news = known.own_branch.is_none() || plan.context.branch != known.own_branch;
                let (by, shown_by) = (in_force.clone(), instance.clone());
                self.enqueue(Assignment::new(*plan, inbox, conversation, None, instance, in_force));
                if let Some((topic, context)) = bound {
                    // The next message there goes by it, so it is on record before that is read.
                    if topics::bind(&self.desk, &shown_by, &topic, &context).await && is_news {
                        let desk = self.desk.clone();
                        self.desk.work.spawn(topics::name(desk, by, shown_by, topic));
                    }
                }
            }
            Decision::Call { command, text } => {
                self.call(Caller::new(&inbound, inbox, instance), command, text, stopped, in_force);
            }
            Decision::Stop(run) => {
                // Signalled already when it came in; this is for presses taken up after a restart.
                let is_over = self.desk.live_run(run).is_none_or(|live| live.ended());
                if !is_over {
                    self.desk.cancel_unanswered(run, inbound.address());
                } else if !self.is_progress(inbound.message()) {
                    let (desk, message) = (self.desk.clone(), inbound.message().clone());
                    self.desk.work.spawn(host::clear_stray(desk, instance, run, message));
                }
                self.settle(&inbox, inbound.message(), Settled::Done);
            }
            Decision::Answer { run, question, answer } => {
                self.answer(run, inbound.address(), &question, answer);
                self.settle(&inbox, inbound.message(), Settled::Done);
            }
            Decision::SendFile { run, file } => {
                let caller = Caller::new(&inbound, inbox, instance);
                self.desk.work.spawn(outgoing::pressed(self.desk.clone(), in_force, caller, run, file));
            }
            Decision::Amend { inbox: meant, text } => {
                self.amend(meant, &text, &inbound, &known).await;
                self.settle(&inbox, inbound.message(), Settled::Done);
            }
            Decision::Withdraw(meant) => {
                self.take_back(meant, inbound.message()).await;
                self.settle(&inbox, inbound.message(), Settled::Done);
            }
            Decision::Resume(run) => self.resume(run, inbox, &inbound, &instance).await,
            Decision::TakeUp(late) => self.run_late(late, inbox, &inbound, &instance).await,
            Decision::Tell(text) => {
                self.reply(&inbox, inbound.message().clone(), &text, &instance);
            }
            Decision::Refuse(text) => self.refuse(&inbox, inbound.message().clone(), text, &instance),
            Decision::Ignore => self.settle(&inbox, inbound.message(), Settled::Ignored),
        }
    }

    /// Returns whether a message shows how far a run is that is under way, or one that waits since the last daemon.
    fn is_progress(&self, message: &MessageRef) -> bool {
        let here = self.desk.live_at(&message.address);
        here.iter().any(|live| live.progress().as_ref() == Some(message))
            || self.inherited.values().any(|inherited| inherited == message)
    }

    /// Lets forwarded messages be part of the prompt of the plain one before them; returns whether that
    /// still waits.
    fn attach(&mut self, plain: InboxId, inbox: &[InboxId], message: &Message) -> bool {
        let Some(run) = self.run_for(plain) else { return false };
        let Some(waiting) = self.waiting.get_mut(&run) else { return false };
        let prompt = &mut waiting.assignment.plan.prompt;
        if !message.text.trim().is_empty() {
            prompt.push_str("\n\n");
            prompt.push_str(&message.text);
        }
        waiting.assignment.inbox.extend(inbox);
        if let Some(waiting) = self.waiting.get(&run) {
            self.tell_queued(waiting, self.queue.position(run).unwrap_or_default());
        }
        true
    }

    /// Makes forwarded messages that came too late for the plain one before them continue its session.
    fn reply_to_run_of(&self, plain: InboxId, message: &mut Message) {
        let live = self.desk.live();
        let meant = live.values().find(|run| run.inbox == Some(plain)).and_then(|run| run.asked_by.clone());
        if let (None, Some(meant)) = (&message.reply_to, meant) {
            message.reply_to = Some(message::Reply { message: meant, text: None, of_bot: false });
        }
    }

    /// Takes away the progress messages of messages that waited and become no run after all.
    fn disinherit(&mut self, inbox: &[InboxId], instance: &Arc<Instance>) {
        for inbox in inbox {
            if let Some(message) = self.inherited.remove(inbox) {
                let (desk, instance, inbox) = (self.desk.clone(), instance.clone(), *inbox);
                self.desk.work.spawn(async move { host::tidy(&desk, &instance, inbox, &message).await });
            }
        }
    }

    /// Takes back a message that was deleted, waiting or still being gathered.
    async fn take_back(&mut self, inbox: InboxId, message: &MessageRef) {
        if let Some(run) = self.run_for(inbox) {
            self.desk.stop(run, Stop::Cancel);
        } else if let Some(cancelled) = self.gatherer.cancel(message, self.desk.now()) {
            self.settle(&[cancelled.inbox], message, Settled::Cancelled);
            // No further than this: what is released is a message, never a deletion.
            Box::pin(self.route_all(cancelled.released)).await;
        }
    }

    /// Gives a message that is still gathered the text it has now, or a waiting run the prompt: its place, engine and
    /// session stay.
    async fn amend(&mut self, inbox: InboxId, text: &str, inbound: &Inbound, known: &Known) {
        let Inbound::Edited(message) = inbound else { return };
        let held = self.gatherer.amend(&message.message, text);
        if !held && message.attachments.iter().any(|file| file.kind == AttachmentKind::Voice) {
            // The edit knows only what was typed beside it; what was said would be lost.
            return;
        }
        if let Err(error) = self.desk.ledger.amend(inbox, text).await {
            tracing::warn!(%error, "an edited message keeps its old text");
            return;
        }
        let wants = route::wants(&Inbound::Message(message.clone()), known);
        let Some(prompt) = wants.prompt() else { return };
        if let Some(run) = self.run_for(inbox)
            && let Some(waiting) = self.waiting.get_mut(&run)
            // Of several that were joined, the others are in the prompt as well.
            && waiting.assignment.inbox.len() == 1
        {
            prompt.clone_into(&mut waiting.assignment.plan.prompt);
        }
    }

    fn answer(&self, run: RunId, at: &Address, question: &str, answer: Answer) {
        if !self.desk.live_in(run, at).is_some_and(|live| live.answer(question, answer)) {
            tracing::info!(%run, question, "an answer came too late");
        }
    }

    fn call(
        &self,
        caller: Caller,
        command: CommandId,
        text: String,
        stopped: Vec<RunId>,
        in_force: Arc<InForce>,
    ) {
        self.desk.work.spawn(host::call(self.desk.clone(), in_force, caller, command, text, stopped));
    }

    pub(super) fn settle(&self, inbox: &[InboxId], message: &MessageRef, how: Settled) {
        let (desk, inbox, address) = (self.desk.clone(), inbox.to_vec(), message.address.clone());
        self.desk.work.spawn(async move { host::settle(&desk, &inbox, &address, how).await });
    }

    /// Decides about a message that was put aside as if it came in now; what it becomes answers the press. Only who
    /// wrote it can have it run: it runs in their name.
    async fn run_late(&mut self, late: InboxId, inbox: Vec<InboxId>, press: &Inbound, instance: &Instance) {
        let here = press.address().whole_chat();
        let is_theirs =
            |message: &Message| press.sender().is_some_and(|sender| sender.id == message.sender.id);
        let refused = match self.desk.ledger.inbound(late).await {
            Ok(Some(Inbound::Message(message))) if message.message.address.whole_chat() == here => {
                if is_theirs(&message) {
                    let inbound = Inbound::Message(message);
                    // No further than this: what was put aside is a message, never a press.
                    let arrival = Arrival { inbox, inbound, follows: None, stopped: Vec::new() };
                    return Box::pin(self.route(arrival)).await;
                }
                "only who wrote that message can have it run; send your own".to_owned()
            }
            Ok(_) => "that message is not known any more; send it again".to_owned(),
            Err(error) => {
                tracing::error!(%error, "a message that was put aside could not be read");
                error.to_string()
            }
        };
        self.refuse(&inbox, press.message().clone(), refused, instance);
    }

    /// Goes on with the session of an interrupted run as if somebody had replied to it; what becomes of it takes the
    /// place of the message that carries the button.
    async fn resume(&mut self, run: RunId, inbox: Vec<InboxId>, press: &Inbound, instance: &Instance) {
        let (Inbound::Press(pressed), at) = (press, press.message()) else { return };
        let query = FactsQuery { scope: at.address.clone().into(), about: Some(at.clone()), session: None };
        let shown = self.desk.ledger.facts(&query).await.map(|facts| facts.run);
        let refused = match shown {
            // Pressed twice: it goes on already, or went on, in that very message.
            _ if self.is_progress(at) => return self.settle(&inbox, at, Settled::Done),
            Ok(Some(row)) if row.opened.id != run => return self.settle(&inbox, at, Settled::Done),
            Ok(Some(row)) if row.outcome == Some(Outcome::Interrupted) && row.opened.session.is_some() => {
                let reply_to = message::Reply { message: at.clone(), text: None, of_bot: true };
                let message = Message {
                    upstream: pressed.upstream.clone(),
                    message: row.opened.reply_to.unwrap_or_else(|| at.clone()),
                    sender: pressed.sender.clone(),
                    text: CONTINUE.to_owned(),
                    reply_to: Some(reply_to),
                    attachments: Vec::new(),
                    album: None,
                    forwarded: false,
                    sent_at: self.desk.clock.now(),
                    chosen: message::Chosen::default(),
                };
                self.inherited.extend(inbox.first().map(|first| (*first, at.clone())));
                let inbound = Inbound::Message(message);
                // No further than this: it is a message now, never a press.
                let arrival = Arrival { inbox, inbound, follows: None, stopped: Vec::new() };
                return Box::pin(self.route(arrival)).await;
            }
            Ok(_) => "that run is not known any more; write what is to be done".to_owned(),
            Err(error) => {
                tracing::error!(%run, %error, "an interrupted run could not be read");
                error.to_string()
            }
        };
        self.refuse(&inbox, at.clone(), refused, instance);
    }

    pub(super) fn refuse(&self, inbox: &[InboxId], message: MessageRef, text: String, instance: &Instance) {
        self.reply(inbox, message, &Body::plain(format!("error: {text}")), instance);
    }

    /// Answers an inbound with a message, and with nothing else.
    pub(super) fn reply(&self, inbox: &[InboxId], message: MessageRef, body: &Body, instance: &Instance) {
        let parts = instance.transport.lay_out(body);
        let (desk, inbox) = (self.desk.clone(), inbox.to_vec());
        self.desk.work.spawn(async move {
            if let Err(error) = desk.post(Post::reply(&message, parts)).await {
                tracing::error!(%error, "could not tell why a message was refused");
                return;
            }
            host::settle(&desk, &inbox, &message.address, Settled::Done).await;
        });
    }
}
