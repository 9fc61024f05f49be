//! Where a script is played: steps in, lines and processes out.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::Child;
use std::sync::PoisonError;

use super::arguments::{Call, Cli};
use super::children;
use super::choices;
use super::claude::{Claude, UNKNOWN};
use super::codex::Codex;
use super::exit::Exit;
use super::opencode::OpenCode;
use super::out;
use super::pi::{Before, Pi};
use super::script::{Script, Step};
use super::session::{self, Found};
use super::signals::{AtInterrupt, LastWords, Signals};
use super::state::{Kept, State};
use super::voice::{Done, Tool, Voice, Work};

/// A line that says nothing to anybody, of a type from the future.
const FROM_THE_FUTURE: &str = r#"{"type":"from.the.future","payload":{"a":1}}"#;

/// Lines and half lines that a reader has to live with.
const GARBAGE: &[u8] = b"this is not json\n{\"type\":\"from.the.future\",\"x\":[1,2\n\n   \n[1,2,3]\n\
    {\"no_type\":true}\n{\"type\":7}\n\"a text\"\nnull\n\xff\xfe bad utf8 \x80\n";

/// A run under way.
pub(super) struct Stage<'a> {
    cli: Cli,
    state: &'a State,
    session: Kept,
    /// The file that keeps it, of a session of pi that has one.
    file: Option<String>,
    dir: String,
    answer: String,
    voice: Box<dyn Voice>,
    signals: Signals,
    at_interrupt: AtInterrupt,
    tools: usize,
}

impl<'a> Stage<'a> {
    /// Finds the session and gets ready; an [`Exit`] is what the CLI says when it cannot begin.
    pub(super) fn set(
        cli: Cli,
        call: &Call,
        state: &'a State,
        script: &Script,
        prompt: &str,
    ) -> io::Result<Result<Self, Exit>> {
        let dir = working_directory(cli)?;
        let (mut session, fresh) = match session::find(cli, call, state, &dir)? {
            Found::Fresh(session) => (session, true),
            Found::Known(session) => (session, false),
            Found::Not(exit) => return Ok(Err(exit)),
        };
        if let Some(exit) = choices::refusal(cli, call, &session.id)? {
            return Ok(Err(exit));
        }
        let (id, old) = (session.id.clone(), script.has("old"));
        // Newer versions ask the model of it.
        let unknown = prompt.strip_prefix('/').filter(|_| cli == Cli::Claude && old);
        session.turns += u64::from(unknown.is_none());
        let voice: Box<dyn Voice> = match cli {
            Cli::Codex => Box::new(Codex::new(id, session.turns)),
            Cli::Claude => Box::new(Claude::new(id, old, dir.clone(), call.model.clone())),
            Cli::OpenCode => Box::new(OpenCode::new(id)),
            Cli::Pi => Box::new(Pi::new(Before {
                session: id,
                old,
                fresh,
                dir: dir.clone(),
                prompt: prompt.to_owned(),
                model: call.model.clone(),
                provider: call.provider.clone(),
            })),
        };
        state.log("turn", &[("session", session.id.clone().into()), ("turn", session.turns.into())])?;
        let answer = match unknown {
            Some(rest) => format!("{UNKNOWN}{}", rest.split_whitespace().next().unwrap_or_default()),
            None => script.answer(session.turns, &dir),
        };
        let file = call.resume.clone().filter(|asked| asked.contains('/'));
        let (signals, at_interrupt) = (Signals::new()?, AtInterrupt::default());
        let stage = Self { cli, state, session, file, dir, answer, voice, signals, at_interrupt, tools: 0 };
        if cli == Cli::Claude && !script.has("stubborn") {
            stage.signals.answer_interrupt(stage.at_interrupt.clone())?;
        }
        Ok(Ok(stage))
    }

    /// Plays the script; returns the exit code.
    pub(super) fn play(mut self, script: &Script) -> io::Result<u8> {
        if self.cli != Cli::Pi {
            self.keep()?;
        }
        let lines = self.voice.opened(!script.has("nosession"))?;
        out::print(&lines)?;
        self.expect_interrupt(None, None)?;
        for step in &script.steps {
            if let Some(code) = self.step(step)? {
                return Ok(code);
            }
        }
        let answer = self.answer.clone();
        let lines = self.voice.answered(&answer)?;
        self.keep()?;
        if script.has("noresult") {
            out::print(&lines)?;
            return Ok(0);
        }
        let mut last = self.voice.completed(&answer)?;
        last.splice(0..0, lines);
        let before = crate::telegram::now().as_secs_f64();
        if script.has("nonewline") {
            out::raw(last.join("\n").as_bytes())?;
        } else {
            out::print(&last)?;
        }
        self.state.log("result", &[("at", before.into())])?;
        if let Some(step) = script.find("linger") {
            self.state.stand_at(&step.rest)?;
        }
        Ok(0)
    }

    /// Does one step; an exit code ends the play.
    fn step(&mut self, step: &Step) -> io::Result<Option<u8>> {
        match step.name.as_str() {
            "note" => {
                let lines = self.voice.said(&step.rest)?;
                out::print(&lines)?;
                self.keep()?;
            }
            "think" => {
                let lines = self.voice.thought(&step.rest)?;
                out::print(&lines)?;
            }
            "search" => {
                let lines = self.voice.searched(&step.rest)?;
                out::print(&lines)?;
            }
            "tools" => self.tools(step)?,
            "edit" => self.edit(&step.rest)?,
            "child" => self.child(&step.rest)?,
            "leftover" => self.leave_a_server()?,
            "wait" => self.state.stand_at(&step.rest)?,
            "stubborn" => self.signals.ignore()?,
            "retry" => self.retry(step)?,
            "turns" => {
                for turn in 1..step.number("n", 2) {
                    let lines = self.voice.next_turn(&format!("that was turn {turn}"))?;
                    out::print(&lines)?;
                }
            }
            "garbage" => {
                out::raw(GARBAGE)?;
                out::print(&[FROM_THE_FUTURE.to_owned()])?;
            }
            "halfline" => {
                let (first, second) = FROM_THE_FUTURE.split_at(20);
                out::raw(first.as_bytes())?;
                if !step.rest.is_empty() {
                    self.state.stand_at(&step.rest)?;
                }
                out::raw(format!("{second}\n").as_bytes())?;
            }
            "stderr" => {
                for number in 1..=step.number("n", 1) {
                    writeln!(io::stderr(), "warning {number}: something noisy")?;
                }
            }
            "huge" => {
                let output = "A".repeat((step.number("mb", 10) << 20) / self.voice.copies());
                self.command("print everything", 0, output)?;
            }
            "wrongsession" => {
                let lines = self.voice.renamed(&State::fresh_id())?;
                out::print(&lines)?;
            }
            "crash" | "fail" | "rejected" => return self.end(step).map(Some),
            // These say how other things are done.
            "say" | "where" | "silent" | "old" | "nosession" | "noresult" | "nonewline" | "linger" => {}
            unknown => return Err(io::Error::other(format!("no directive is called `{unknown}`"))),
        }
        Ok(None)
    }

    /// Ends the run before its answer.
    fn end(&mut self, step: &Step) -> io::Result<u8> {
        match step.name.as_str() {
            "fail" => {
                let (lines, code) = self.voice.failed(&step.rest)?;
                out::print(&lines)?;
                Ok(code)
            }
            "rejected" => {
                let tool = self.tool(Work::Command(step.rest.clone()));
                let (lines, words) = self.voice.rejected(&tool)?;
                out::print(&lines)?;
                writeln!(io::stderr(), "{words}")?;
                Ok(0)
            }
            _ => {
                let words = step.words();
                if !words.is_empty() {
                    let lines = self.voice.said(&words)?;
                    out::print(&lines)?;
                }
                writeln!(io::stderr(), "panicked: the agent fell over")?;
                Ok(u8::try_from(step.number("rc", 1)).unwrap_or(1))
            }
        }
    }

    fn tools(&mut self, step: &Step) -> io::Result<()> {
        let fails = step.number("fail", 0);
        for number in 1..=step.number("n", 1) {
            let failed = number == fails;
            let output = if failed { "boom\n" } else { "out\n" };
            self.command(&format!("step-{number} --run"), if failed { 2 } else { 0 }, output.to_owned())?;
        }
        Ok(())
    }

    fn command(&mut self, command: &str, exit: u8, output: String) -> io::Result<()> {
        let tool = self.tool(Work::Command(command.to_owned()));
        self.begin(&tool, None)?;
        self.finish(&tool, &Done { exit, output })
    }

    fn edit(&mut self, name: &str) -> io::Result<()> {
        let path = Path::new(&self.dir).join(name);
        let content = "written by the agent\n".to_owned();
        let tool =
            self.tool(Work::Write { path: path.to_string_lossy().into_owned(), content: content.clone() });
        self.begin(&tool, None)?;
        std::fs::write(path, content)?;
        self.finish(&tool, &Done { exit: 0, output: String::new() })
    }

    fn child(&mut self, gate: &str) -> io::Result<()> {
        let tool = self.tool(Work::Command("stand".to_owned()));
        let mut child = children::stand(self.state, gate)?;
        self.begin(&tool, Some(&child))?;
        let status = child.wait()?;
        let exit = if status.success() { 0 } else { 1 };
        self.finish(&tool, &Done { exit, output: "stood\n".to_owned() })
    }

    fn leave_a_server(&mut self) -> io::Result<()> {
        children::serve(self.state)?;
        self.command("serve &", 0, String::new())
    }

    fn retry(&mut self, step: &Step) -> io::Result<()> {
        let of = step.number("n", 1);
        for attempt in 1..=of {
            let lines = self.voice.retried(attempt, of, &step.words())?;
            out::print(&lines)?;
        }
        Ok(())
    }

    fn tool(&mut self, work: Work) -> Tool {
        self.tools += 1;
        Tool { id: format!("call_{}_{}", self.session.turns, self.tools), work }
    }

    fn begin(&mut self, tool: &Tool, process: Option<&Child>) -> io::Result<()> {
        self.expect_interrupt(Some(tool), process.map(Child::id))?;
        let lines = self.voice.began(tool)?;
        out::print(&lines)?;
        self.keep()
    }

    fn finish(&mut self, tool: &Tool, done: &Done) -> io::Result<()> {
        let lines = self.voice.ended(tool, done)?;
        self.expect_interrupt(None, None)?;
        out::print(&lines)
    }

    fn expect_interrupt(&self, tool: Option<&Tool>, process: Option<u32>) -> io::Result<()> {
        if let Some((lines, code)) = self.voice.interrupted(tool)? {
            let words = LastWords { lines, code, tool: process };
            *self.at_interrupt.lock().unwrap_or_else(PoisonError::into_inner) = words;
        }
        Ok(())
    }

    /// Writes the session down. pi does so only when the agent has said something.
    fn keep(&self) -> io::Result<()> {
        if let Some(file) = &self.file {
            std::fs::write(file, &self.session.id)?;
        }
        self.state.keep(&self.session)
    }
}

/// Returns where the agent works. opencode believes `$PWD` more than the system.
fn working_directory(cli: Cli) -> io::Result<String> {
    let told = std::env::var("PWD").ok().filter(|told| cli == Cli::OpenCode && Path::new(told).is_dir());
    match told {
        Some(told) => Ok(told),
        None => Ok(std::env::current_dir()?.to_string_lossy().into_owned()),
    }
}
