//! Runs from their opening to their end, and the messages and questions that are theirs.

use rusqlite::{Connection, Row, params};
use takopi_core::event::Handle;
use takopi_core::id::RunId;
use takopi_core::message::{Inbound, MessageRef};
use takopi_core::port::ledger::{EndRun, InboxId, OpenRun, OutboxId, Post, QuestionRow, RunNote, RunRow};
use takopi_core::session::{Context, SessionToken};
use takopi_core::time::Timestamp;

use crate::failure::Failure;
use crate::stored::{
    all, bytes, change, engine, first, from_word, json, json_opt, path_opt, run_id, time, value, value_opt,
};
use crate::{inbox, outbox, scopes};

pub(crate) fn open(db: &Connection, run: &OpenRun) -> Result<(), Failure> {
    let id = run.id.to_string();
    if first(db, "SELECT 1 FROM runs WHERE id = ?1", [&id], |_row| Ok(()))?.is_some() {
        return Err(Failure::Refused(format!("run {id} was opened before")));
    }
    let place = match run.inbox.last() {
        Some(last) => last.0,
        None => inbox::place(db, &run.address)?,
    };
    change(
        db,
        "INSERT INTO runs (id, address, place, reply_to, engine, thread, project, branch, dir, session,
                           prompt, opened_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            id,
            json("an address", &run.address)?,
            place,
            json_opt("a message", run.reply_to.as_ref())?,
            run.engine.as_str(),
            json("a thread", &run.thread)?,
            run.context.project,
            run.context.branch,
            bytes(run.dir.as_deref()),
            run.session.as_ref().map(SessionToken::as_str),
            run.prompt,
            run.opened_at.unix_ms()
        ],
    )?;
    for (position, inbound) in run.inbox.iter().enumerate() {
        take_up(db, *inbound, &id, position)?;
    }
    Ok(())
}

/// Makes one inbound part of the run.
fn take_up(db: &Connection, inbound: InboxId, run: &str, position: usize) -> Result<(), Failure> {
    let waiting = change(
        db,
        "UPDATE inbox SET state = 'run', said = 1 WHERE id = ?1 AND state = 'pending'",
        [inbound.0],
    )?;
    if waiting == 0 {
        return Err(Failure::Refused(format!("message {} is dealt with or not known", inbound.0)));
    }
    change(
        db,
        "INSERT INTO run_inbox (run, position, inbox) VALUES (?1, ?2, ?3)",
        params![run, position as i64, inbound.0],
    )?;
    let sql = "SELECT inbound FROM inbox WHERE id = ?1";
    match first(db, sql, [inbound.0], |row| value::<Inbound>(row, "inbound"))? {
        Some(Inbound::Message(message) | Inbound::Edited(message)) => own(db, run, &message.message),
        _ => Ok(()),
    }
}

/// Makes a message one of the run's, so that replies to it find the run.
pub(crate) fn own(db: &Connection, run: &str, message: &MessageRef) -> Result<(), Failure> {
    change(
        db,
        "INSERT INTO message_ref (instance, chat, message, run) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (instance, chat, message) DO UPDATE SET run = excluded.run",
        params![message.address.instance.as_str(), message.address.chat, message.id, run],
    )?;
    Ok(())
}

pub(crate) fn note(db: &Connection, run: RunId, note: &RunNote) -> Result<(), Failure> {
    let run = run.to_string();
    let known = change(
        db,
        "UPDATE runs SET session = coalesce(?2, session), handle = coalesce(?3, handle),
                         progress = coalesce(?4, progress), dir = coalesce(?5, dir)
         WHERE id = ?1",
        params![
            run,
            note.session.as_ref().map(|row| row.session.token.as_str()),
            note.handle.as_ref().map(|handle| handle.0.as_str()),
            json_opt("a message", note.progress.as_ref())?,
            bytes(note.dir.as_deref())
        ],
    )?;
    if known == 0 {
        return Err(unknown(&run));
    }
    if let Some(progress) = &note.progress {
        own(db, &run, progress)?;
    }
    let Some(session) = &note.session else { return Ok(()) };
    scopes::keep_session(db, session)?;
    match &note.conversation {
        Some((scope, generation)) => scopes::continue_with(db, scope, *generation, &session.session),
        None => Ok(()),
    }
}

pub(crate) fn answer(
    db: &Connection,
    run: RunId,
    answer: &str,
    posts: &[Post],
    at: Timestamp,
) -> Result<Vec<OutboxId>, Failure> {
    let id = run.to_string();
    let sql = "UPDATE runs SET state = 'answered', answer = ?2 WHERE id = ?1 AND state <> 'ended'";
    if change(db, sql, params![id, answer])? == 0 {
        return Err(over_or_unknown(db, &id)?);
    }
    posts.iter().map(|post| outbox::post(db, post, at)).collect()
}

pub(crate) fn end(db: &Connection, end: &EndRun) -> Result<Vec<OutboxId>, Failure> {
    let id = end.id.to_string();
    let changed = change(
        db,
        "UPDATE runs SET state = 'ended', outcome = ?2, answer = ?3, usage = ?4, steps = ?5, actions = ?6,
                         ended_at = ?7
         WHERE id = ?1 AND state <> 'ended'",
        params![
            id,
            json("an outcome", &end.outcome)?,
            end.answer,
            json_opt("a usage", end.usage.as_ref())?,
            i64::try_from(end.steps).unwrap_or(i64::MAX),
            json("actions", &end.actions)?,
            end.ended_at.unix_ms()
        ],
    )?;
    if changed == 0 {
        return Err(over_or_unknown(db, &id)?);
    }
    end.post.iter().map(|post| outbox::post(db, post, end.ended_at)).collect()
}

fn unknown(run: &str) -> Failure {
    Failure::Refused(format!("run {run} is not known"))
}

fn over_or_unknown(db: &Connection, run: &str) -> Result<Failure, Failure> {
    let known = first(db, "SELECT 1 FROM runs WHERE id = ?1", [run], |_row| Ok(()))?.is_some();
    Ok(if known { Failure::Refused(format!("run {run} is over")) } else { unknown(run) })
}

pub(crate) fn run(db: &Connection, id: RunId) -> Result<Option<RunRow>, Failure> {
    first(db, "SELECT * FROM runs WHERE id = ?1", [id.to_string()], |row| read(db, row))
}

/// Returns the run opened as the `seq`th.
pub(crate) fn run_at(db: &Connection, seq: i64) -> Result<Option<RunRow>, Failure> {
    first(db, "SELECT * FROM runs WHERE seq = ?1", [seq], |row| read(db, row))
}

/// Returns the run that a message belongs to.
pub(crate) fn run_of(db: &Connection, message: &MessageRef) -> Result<Option<RunRow>, Failure> {
    first(
        db,
        "SELECT runs.* FROM message_ref JOIN runs ON runs.id = message_ref.run
         WHERE message_ref.instance = ?1 AND message_ref.chat = ?2 AND message_ref.message = ?3",
        params![message.address.instance.as_str(), message.address.chat, message.id],
        |row| read(db, row),
    )
}

/// Returns the runs that were opened and not ended, in the order of opening.
pub(crate) fn unfinished(db: &Connection) -> Result<Vec<RunRow>, Failure> {
    all(db, "SELECT * FROM runs WHERE state <> 'ended' ORDER BY seq", [], |row| read(db, row))
}

fn read(db: &Connection, row: &Row<'_>) -> Result<RunRow, Failure> {
    let id = run_id(row, "id")?;
    let session: Option<String> = row.get("session")?;
    let handle: Option<String> = row.get("handle")?;
    let ended_at: Option<i64> = row.get("ended_at")?;
    let steps: i64 = row.get("steps")?;
    let opened = OpenRun {
        id,
        inbox: all(
            db,
            "SELECT inbox FROM run_inbox WHERE run = ?1 ORDER BY position",
            [id.to_string()],
            |row| Ok(InboxId(row.get(0)?)),
        )?,
        address: value(row, "address")?,
        reply_to: value_opt(row, "reply_to")?,
        engine: engine(row)?,
        thread: value(row, "thread")?,
        context: Context { project: row.get("project")?, branch: row.get("branch")? },
        dir: path_opt(row, "dir")?,
        session: session.as_deref().and_then(SessionToken::parse),
        prompt: row.get("prompt")?,
        opened_at: time(row, "opened_at")?,
    };
    Ok(RunRow {
        opened,
        state: from_word(row, "state")?,
        outcome: value_opt(row, "outcome")?,
        answer: row.get("answer")?,
        progress: value_opt(row, "progress")?,
        handle: handle.map(Handle),
        usage: value_opt(row, "usage")?,
        steps: u64::try_from(steps).unwrap_or(0),
        actions: value(row, "actions")?,
        ended_at: ended_at.map(Timestamp::from_unix_ms),
    })
}

pub(crate) fn ask(db: &Connection, row: &QuestionRow) -> Result<(), Failure> {
    let run = row.run.to_string();
    if first(db, "SELECT 1 FROM runs WHERE id = ?1", [&run], |_row| Ok(()))?.is_none() {
        return Err(unknown(&run));
    }
    change(
        db,
        "INSERT INTO question (run, key, question, answer) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (run, key) DO UPDATE SET question = excluded.question,
             answer = coalesce(excluded.answer, answer)",
        params![
            run,
            row.question.key,
            json("a question", &row.question)?,
            json_opt("an answer", row.answer.as_ref())?
        ],
    )?;
    Ok(())
}

pub(crate) fn questions(db: &Connection, run: RunId) -> Result<Vec<QuestionRow>, Failure> {
    let sql = "SELECT question, answer FROM question WHERE run = ?1 ORDER BY seq";
    all(db, sql, [run.to_string()], |row| {
        Ok(QuestionRow { run, question: value(row, "question")?, answer: value_opt(row, "answer")? })
    })
}
