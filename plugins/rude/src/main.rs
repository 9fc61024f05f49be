//! A plugin that misbehaves on purpose, so that takopi's answers to it are tested.
//!
//! `takopi-plugin-rude --install DIR MODE [NUMBER]` writes a plugin folder for one kind of misbehaviour, `--list` names them all,
//! and `takopi-plugin-rude MODE [NUMBER]` is what such a folder starts. What each mode says stands in `script`, where
//! nothing is done; `act` does it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a console program talks on the console")]

mod act;
mod install;
mod mode;
mod script;

use std::io::BufRead as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use mode::Mode;
use script::Script;

const WRONG_USAGE: u8 = 2;

const USAGE: &str = "usage: takopi-plugin-rude --install DIR MODE [NUMBER] | --list | MODE [NUMBER]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--list"] => {
            for mode in Mode::ALL {
                println!("{:<16} {}", mode.word(), mode.about());
            }
            ExitCode::SUCCESS
        }
        ["--install", dir, word] => install(dir, word, None),
        ["--install", dir, word, number] => match number.parse() {
            Ok(number) => install(dir, word, Some(number)),
            Err(_) => wrong_usage(number),
        },
        [word] => serve(word, None),
        [word, number] => serve(word, number.parse().ok()),
        _ => wrong_usage(""),
    }
}

fn install(dir: &str, word: &str, number: Option<u64>) -> ExitCode {
    let Some(mode) = Mode::parse(word) else { return wrong_usage(word) };
    match install::install(Path::new(dir), mode, number) {
        Ok(folder) => {
            println!("{}", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("failed to write the folder: {error}");
            ExitCode::FAILURE
        }
    }
}

fn wrong_usage(word: &str) -> ExitCode {
    eprintln!("`{word}` is not understood; {USAGE}");
    ExitCode::from(WRONG_USAGE)
}

fn serve(word: &str, number: Option<u64>) -> ExitCode {
    let Some(mode) = Mode::parse(word) else { return wrong_usage(word) };
    let mut script = Script::new(mode, number);
    for act in script.begin() {
        act::perform(act);
    }
    // To the end of stdin: then takopi is gone.
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        for act in script.answer(&line) {
            act::perform(act);
        }
    }
    if mode == Mode::IgnoresCancel {
        // Not even that ends it; the bound is for whoever forgets to kill it.
        std::thread::sleep(Duration::from_mins(10));
    }
    ExitCode::SUCCESS
}
