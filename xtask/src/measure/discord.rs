//! What people wait for in Discord and what a run costs there: calls by their routes, the first progress message, and
//! ten threads of one channel at work at once, whose edits must neither meet a limit nor hold up an answer.
//!
//! The built bot with its default settings; where it is put up is `discord/square.rs`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use takopi_fake::telegram::now;

use super::table::{Amount, Row, Target};
use super::{Wishes, binary};

mod square;

pub(super) use square::home;
use square::{Asked, EDIT, Square, room};

/// Runs whose calls are counted, and how long each works.
const RUNS: usize = 3;
const RUN: Duration = Duration::from_secs(10);

/// First messages, five in a channel: Discord lets ten threads be opened in one in half a minute.
const PAINTS: usize = 25;
const PAINTS_OF_A_CHANNEL: usize = 5;

/// Between two of them, so that the calls a bot may make in a second are never used up.
const PAUSE: Duration = Duration::from_millis(200);

/// Threads at work at once, and for how long they are watched.
const THREADS: usize = 10;
const WATCHED: Duration = Duration::from_secs(20);

/// Between two ends of those.
const BETWEEN_ENDS: Duration = Duration::from_millis(500);

/// Edits in a second over ten threads that are worth the name; each thread has at most one in 1.2 s.
const EDITS: Target = Target::AtLeast(Amount::Count(5.0));

const NONE: Target = Target::AtMost(Amount::Count(0.0));

pub(super) fn rows(root: &Path, wishes: Wishes<'_>) -> anyhow::Result<Vec<Row>> {
    let program = binary::built(root, "takopi", "release", wishes)?;
    let mut rows = counted(&program)?;
    rows.push(painted(&program)?);
    rows.extend(at_once(&program)?);
    Ok(rows)
}

/// What a run costs, by routes.
fn counted(program: &Path) -> anyhow::Result<Vec<Row>> {
    let square = Square::open(program, RUNS)?;
    let mut by_route: BTreeMap<String, Vec<Amount>> = BTreeMap::new();
    let (mut all, mut for_an_edit) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let asked = square.ask(&room(run), run)?;
        square.painted(asked);
        std::thread::sleep(RUN);
        square.answered(asked)?;
        square.over(asked);
        let calls = square.calls(asked);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        calls.iter().for_each(|call| *counts.entry(call.route()).or_default() += 1);
        let reads = calls.iter().filter(|call| call.method == "GET").count();
        let edits = counts.get(EDIT).copied().unwrap_or_default();
        all.push(Amount::count(calls.len(), 1.0));
        for_an_edit.push(Amount::count(reads + edits, f64::from(u32::try_from(edits)?)));
        for (route, count) in counts {
            by_route.entry(route).or_default().push(Amount::count(count, 1.0));
        }
    }
    square.close()?;
    let what = |what: &str| format!("Discord: a run of {} s, {what}", RUN.as_secs());
    let mut rows = vec![
        Row::new(what("reads and edits for each edit"), Target::AtMost(Amount::Count(1.0)), for_an_edit),
        Row::new(what("all its calls"), Target::Reference, all),
    ];
    let row = |(route, counts): (String, _)| Row::new(what(&format!("`{route}`")), Target::Reference, counts);
    rows.extend(by_route.into_iter().map(row));
    Ok(rows)
}

/// From a message in a channel to the first thing in its thread, which is opened before.
fn painted(program: &Path) -> anyhow::Result<Row> {
    let square = Square::open(program, PAINTS / PAINTS_OF_A_CHANNEL)?;
    let mut measured = Vec::new();
    for paint in 0..PAINTS {
        let asked = square.ask(&room(paint / PAINTS_OF_A_CHANNEL), paint)?;
        measured.push(Amount::from(square.painted(asked).saturating_sub(asked.at)));
        square.answered(asked)?;
        square.over(asked);
        std::thread::sleep(PAUSE);
    }
    square.close()?;
    let what = "Discord: message sent until its progress message arrives";
    Ok(Row::new(what, Target::Reference, measured))
}

/// Ten threads of one channel at work at once, which end one after the other.
fn at_once(program: &Path) -> anyhow::Result<Vec<Row>> {
    let square = Square::open(program, 1)?;
    let asked: Vec<Asked> =
        (0..THREADS).map(|gate| square.ask(&room(0), gate)).collect::<anyhow::Result<_>>()?;
    let painted = asked.iter().map(|asked| square.painted(*asked).saturating_sub(asked.at));
    let last_painted = painted.max().unwrap_or_default();
    let begun = now();
    std::thread::sleep(WATCHED);
    let ended = now();
    let mut finals = Vec::new();
    for one in &asked {
        let (opened, seen) = square.answered(*one)?;
        finals.push(Amount::from(seen.saturating_sub(opened)));
        std::thread::sleep(BETWEEN_ENDS);
    }
    let calls = square.server.calls();
    let too_many = square.server.stats().too_many;
    square.close()?;
    let edits = |thread: Option<u64>| {
        let edits = calls.iter().filter(|call| call.route() == EDIT && call.succeeded());
        let watched = edits.filter(|call| (begun..ended).contains(&call.at));
        watched.filter(|call| thread.is_none() || call.channel == thread).count()
    };
    let a_second = |count: usize| Amount::count(count, (ended - begun).as_secs_f64());
    let what = |what: &str| format!("Discord: {THREADS} threads of a channel at work at once, {what}");
    let each = asked.iter().map(|asked| a_second(edits(Some(asked.thread)))).collect();
    Ok(vec![
        Row::new(what("last progress message arrives"), Target::Reference, vec![last_painted.into()]),
        Row::new(what("edits a second"), EDITS, vec![a_second(edits(None))]),
        Row::new(what("edits a second of each"), Target::Reference, each),
        Row::new(what("end of work until the answer is to be seen"), Target::Reference, finals),
        Row::new(what("calls that came too fast"), NONE, vec![Amount::count(too_many, 1.0)]),
    ])
}
