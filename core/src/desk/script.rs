//! What runs say in chats, as bodies: the one place where the desk meets rendering.

use std::path::Path;
use std::time::Duration;

use super::Generation;
use super::live::{LiveRun, Stage};
use crate::directive::format_context_line;
use crate::event::{Note, Outcome, RunEnd};
use crate::files::NamedFile;
use crate::id::{EngineId, RunId};
use crate::message::{Body, Button, ButtonAction, Format};
use crate::port::engine::{Question, QuestionOption};
use crate::port::ledger::RunRow;
use crate::port::transport::TransportFeatures;
use crate::render::{Label, SHOWN_ACTIONS, View, note_line, render_final, render_progress};
use crate::resume::ResumePattern;
use crate::session::{Context, SessionToken};
use crate::time::Moment;

/// How the runs of an engine in a context look, by the generation they began in.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) context_line: Option<String>,
    resume: Option<ResumePattern>,
    blank_ok: bool,
    plain: bool,
}

impl Look {
    pub(super) fn of(
        generation: &Generation,
        engine: &EngineId,
        context: &Context,
        features: &TransportFeatures,
    ) -> Self {
        let hides_resume_line = features.hides_resume_lines && features.conversations;
        let spec = generation.engines.spec(engine);
        let alias = context.project.as_ref().map(|key| {
            let project = generation.projects.iter().find(|project| project.key == *key);
            project.map_or(key.as_str(), |project| project.alias.as_str())
        });
        Self {
            context_line: alias.map(|alias| format_context_line(alias, context.branch.as_deref())),
            resume: spec.and_then(|spec| spec.resume.clone()).filter(|_| !hides_resume_line),
            blank_ok: spec.is_some_and(|spec| spec.features.blank_ok),
            plain: spec.is_some_and(|spec| spec.features.plain),
        }
    }

    fn resume_line(&self, session: Option<&SessionToken>) -> Option<String> {
        Some(self.resume.as_ref()?.show_as_code(session?))
    }

    fn format(&self) -> Format {
        if self.plain { Format::Plain } else { Format::Markdown }
    }
}

/// Returns what a run's progress message shows now.
pub(super) fn progress(run: &LiveRun, now: Moment) -> Body {
    let label = match run.stage() {
        Stage::Queued { ahead } => Label::Queued { ahead },
        Stage::Starting => Label::Starting,
        Stage::Working | Stage::Ended => Label::Working,
    };
    in_progress(run, label, run.elapsed(now))
}

fn in_progress(run: &LiveRun, label: Label, elapsed: Duration) -> Body {
    let (dir, context_line) = (run.dir(), run.context_line());
    run.with_tracker(|tracker| {
        let resume_line = run.look.resume_line(tracker.session());
        let view = View {
            run: run.id,
            engine: &run.engine,
            elapsed,
            steps: tracker.steps(),
            dir: dir.as_deref(),
            context_line: context_line.as_deref(),
            resume_line: resume_line.as_deref(),
        };
        render_progress(&view, label, tracker.recent(SHOWN_ACTIONS), tracker.notes().last())
    })
}

/// Returns what is shown when a run is over: the answer or what went wrong; of one that was stopped, how far
/// it had come.
pub(super) fn ending(run: &LiveRun, end: &RunEnd, elapsed: Duration) -> Body {
    match end.outcome {
        Outcome::Cancelled => return in_progress(run, Label::Cancelled, elapsed),
        Outcome::Interrupted => return in_progress(run, Label::Interrupted, elapsed),
        Outcome::Answered | Outcome::Failed(_) => {}
    }
    let (dir, context_line) = (run.dir(), run.context_line());
    let resume_line = run.look.resume_line(end.session.as_ref());
    let view = View {
        run: run.id,
        engine: &run.engine,
        elapsed,
        steps: run.with_tracker(|tracker| tracker.steps()),
        dir: dir.as_deref(),
        context_line: context_line.as_deref(),
        resume_line: resume_line.as_deref(),
    };
    Body { format: run.look.format(), ..render_final(&view, end, run.look.blank_ok) }
}

/// Returns the body with a remark above what it says.
pub(super) fn remarked(body: Body, remark: Option<&Note>) -> Body {
    let Some(remark) = remark else { return body };
    let mut text = note_line(remark);
    if !body.text.is_empty() {
        text = format!("{text}\n\n{}", body.text);
    }
    Body { text, ..body }
}

/// Returns what is told of a run that the last daemon did not finish.
pub(super) fn interrupted(
    generation: &Generation,
    run: &RunRow,
    features: &TransportFeatures,
    elapsed: Duration,
) -> Body {
    let opened = &run.opened;
    let look = Look::of(generation, &opened.engine, &opened.context, features);
    let resume_line = look.resume_line(opened.session.as_ref());
    let view = View {
        run: opened.id,
        engine: &opened.engine,
        elapsed,
        steps: run.steps,
        dir: opened.dir.as_deref().map(Path::new),
        context_line: look.context_line.as_deref(),
        resume_line: resume_line.as_deref(),
    };
    let last = run.actions.len().saturating_sub(SHOWN_ACTIONS);
    let body = render_progress(&view, Label::Interrupted, run.actions.iter().skip(last), None);
    let buttons = resume(opened.id, opened.session.as_ref(), features);
    Body { buttons, ..body }
}

/// Returns a button that goes on with the session of an interrupted run, where there is one and buttons are shown.
pub(super) fn resume(
    run: RunId,
    session: Option<&SessionToken>,
    features: &TransportFeatures,
) -> Vec<Vec<Button>> {
    let button = || Button { label: "resume".to_owned(), action: ButtonAction::Resume { run } };
    session.filter(|_| features.buttons).map(|_| vec![button()]).into_iter().collect()
}

/// What the button says that opens a form for an answer in one's own words.
const IN_WORDS: &str = "answer…";

/// Returns a question with a button for each of its options, and one for a text where that is an answer and there
/// are forms to write it into.
pub(super) fn question(run: RunId, question: &Question, features: &TransportFeatures) -> Body {
    let button = |label: &str, option: &str| Button {
        label: label.to_owned(),
        action: ButtonAction::Answer { run, question: question.key.clone(), option: option.to_owned() },
    };
    let option = |option: &QuestionOption| vec![button(&option.label, &option.id)];
    let mut buttons: Vec<Vec<Button>> = question.options.iter().map(option).collect();
    if features.forms && (question.free_text || question.options.is_empty()) {
        buttons.push(vec![button(IN_WORDS, "")]);
    }
    Body { text: question.title.clone(), buttons, ..Body::default() }
}

/// Most characters of the labels in one row of buttons, and most of them: a phone shows about that.
const ROW_CHARS: usize = 32;
const ROW_BUTTONS: usize = 3;

/// Longest label of a button, in characters; the end of a name tells more than its middle.
const LABEL_CHARS: usize = 40;

/// Returns rows of buttons that send files which the answer of a run names.
pub(super) fn offer(run: RunId, named: &[NamedFile]) -> Vec<Vec<Button>> {
    let mut rows: Vec<Vec<Button>> = Vec::new();
    let mut room = 0;
    for file in named {
        let label = format!("📎 {}", shorten_middle(&file.shown, LABEL_CHARS));
        let taken = label.chars().count();
        let button = Button { label, action: ButtonAction::SendFile { run, file: file.mark() } };
        match rows.last_mut() {
            Some(row) if row.len() < ROW_BUTTONS && taken <= room => {
                room -= taken;
                row.push(button);
            }
            _ => {
                room = ROW_CHARS.saturating_sub(taken);
                rows.push(vec![button]);
            }
        }
    }
    rows
}

/// Returns a name with at most so many characters: one that is longer loses its middle.
fn shorten_middle(name: &str, max_chars: usize) -> String {
    let count = name.chars().count();
    if count <= max_chars {
        return name.to_owned();
    }
    let tail = max_chars / 2;
    let head = max_chars.saturating_sub(tail + 1);
    name.chars().take(head).chain(['…']).chain(name.chars().skip(count - tail)).collect()
}

/// Returns the word for an outcome in logs.
pub(super) fn label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "done",
        Outcome::Cancelled => "cancelled",
        Outcome::Interrupted => "interrupted",
        Outcome::Failed(_) => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::named_files;

    #[test]
    fn a_question_that_wants_a_text_has_a_button_for_it_where_there_are_forms() {
        let run = RunId::parse("01900000-0000-7000-8000-000000000001").unwrap();
        let labels = |options: &[&str], free_text, forms| -> Vec<String> {
            let option = |id: &&str| QuestionOption { id: (*id).to_owned(), label: (*id).to_owned() };
            let options = options.iter().map(option).collect();
            let asked = Question { key: "q".to_owned(), title: "which?".to_owned(), options, free_text };
            let features = TransportFeatures { forms, ..TransportFeatures::default() };
            question(run, &asked, &features).buttons.concat().into_iter().map(|button| button.label).collect()
        };
        assert_eq!(labels(&[], false, true), ["answer…"]);
        assert_eq!(labels(&["yes", "no"], true, true), ["yes", "no", "answer…"]);
        assert_eq!(labels(&["yes", "no"], false, true), ["yes", "no"]);
        assert_eq!(labels(&["yes"], true, false), ["yes"], "nobody could write it");
    }

    #[test]
    fn buttons_of_files_share_rows_as_long_as_a_phone_shows_them() {
        let run = RunId::parse("01900000-0000-7000-8000-000000000001").unwrap();
        let answer = "[a](a.txt) [b](b.txt) [c](c.txt) [d](d.txt) \
            [e](a_rather_long_name_of_a_file_that_no_phone_shows_in_full.csv) [f](f.md) [g](plot_of_march.png) [h](h)";
        let rows = offer(run, &named_files(answer, &[]));
        let labels: Vec<Vec<&str>> =
            rows.iter().map(|row| row.iter().map(|button| button.label.as_str()).collect()).collect();
        let long = "📎 a_rather_long_name_…ne_shows_in_full.csv";
        assert_eq!(
            labels,
            [
                vec!["📎 a.txt", "📎 b.txt", "📎 c.txt"],
                vec!["📎 d.txt"],
                vec![long],
                vec!["📎 f.md", "📎 plot_of_march.png", "📎 h"],
            ]
        );
        let ButtonAction::SendFile { run: of, file } = &rows[1][0].action else { panic!("{rows:?}") };
        assert_eq!((*of, file.len()), (run, 16));
    }
}
