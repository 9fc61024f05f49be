//! The command lines of the four: what each knows, and what it says to what it doesn't. Pure.
//!
//! Versions: codex 0.169.0, claude 2.1.329, opencode 1.18.33, pi 0.87.1, in the modes that print JSON lines. A
//! real option that no program needs which only reads those lines is left out, and so refused.

use super::exit::Exit;
use super::options::{Options, Table, Takes, Wrong};

/// One of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cli {
    Codex,
    Claude,
    OpenCode,
    Pi,
}

/// What a command line asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Call {
    /// The prompt, when it stands in the command line; else it is on stdin.
    pub(super) prompt: Option<String>,
    pub(super) resume: Option<String>,
    /// The id that a session is to begin with.
    pub(super) begin_as: Option<String>,
    pub(super) model: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) effort: Option<String>,
}

const CODEX: Table = &[
    (&["-c", "--config"], Takes::Value),
    (&["--model", "-m"], Takes::Value),
    (&["--profile", "-p"], Takes::Value),
    (&["--sandbox", "-s"], Takes::Value),
    (&["--cd", "-C"], Takes::Value),
    (&["--ask-for-approval", "-a"], Takes::Value),
    (&["--add-dir"], Takes::Value),
    (&["--enable"], Takes::Value),
    (&["--disable"], Takes::Value),
    (&["--search"], Takes::Nothing),
    (&["--oss"], Takes::Nothing),
    (&["--yolo", "--dangerously-bypass-approvals-and-sandbox"], Takes::Nothing),
];

const CODEX_EXEC: Table = &[
    (&["--json"], Takes::Nothing),
    (&["--skip-git-repo-check"], Takes::Nothing),
    (&["--color"], Takes::Value),
    (&["--output-schema"], Takes::Value),
    (&["--output-last-message", "-o"], Takes::Value),
    (&["-c", "--config"], Takes::Value),
    (&["--model", "-m"], Takes::Value),
    (&["--profile", "-p"], Takes::Value),
    (&["--sandbox", "-s"], Takes::Value),
    (&["--cd", "-C"], Takes::Value),
    (&["--yolo", "--dangerously-bypass-approvals-and-sandbox"], Takes::Nothing),
];

const CLAUDE: Table = &[
    (&["--print", "-p"], Takes::Nothing),
    (&["--output-format"], Takes::Value),
    (&["--verbose"], Takes::Nothing),
    (&["--resume", "-r"], Takes::Value),
    (&["--model"], Takes::Value),
    (&["--fallback-model"], Takes::Value),
    (&["--effort"], Takes::Value),
    (&["--settings"], Takes::Value),
    (&["--allowedTools", "--allowed-tools"], Takes::Values),
    (&["--disallowedTools", "--disallowed-tools"], Takes::Values),
    (&["--add-dir"], Takes::Values),
    (&["--mcp-config"], Takes::Values),
    (&["--strict-mcp-config"], Takes::Nothing),
    (&["--permission-mode"], Takes::Value),
    (&["--append-system-prompt"], Takes::Value),
    (&["--dangerously-skip-permissions"], Takes::Nothing),
];

const OPENCODE: Table = &[
    (&["--format"], Takes::Value),
    (&["--session", "-s"], Takes::Value),
    (&["--model", "-m"], Takes::Value),
    (&["--agent"], Takes::Value),
    (&["--variant"], Takes::Value),
    (&["--title"], Takes::Value),
    (&["--dir"], Takes::Value),
    (&["--thinking"], Takes::Nothing),
    (&["--auto"], Takes::Nothing),
];

const PI: Table = &[
    (&["--print", "-p"], Takes::Nothing),
    (&["--mode"], Takes::Value),
    (&["--provider"], Takes::Value),
    (&["--model"], Takes::Value),
    (&["--thinking"], Takes::Value),
    (&["--session"], Takes::Value),
    (&["--session-id"], Takes::Value),
    (&["--no-session"], Takes::Nothing),
    (&["--session-dir"], Takes::Value),
    (&["--tools"], Takes::Value),
    (&["--extension", "-e"], Takes::Value),
    (&["--append-system-prompt"], Takes::Value),
    (&["--approve"], Takes::Nothing),
    (&["--no-approve"], Takes::Nothing),
];

impl Cli {
    /// Returns the one that is called `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Codex, Self::Claude, Self::OpenCode, Self::Pi].into_iter().find(|cli| cli.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::Claude => "claude",
            Self::OpenCode => "opencode",
            Self::Pi => "pi",
        }
    }

    /// Returns what `--version` prints.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Codex => "codex-cli 0.169.0",
            Self::Claude => "2.1.329 (Claude Code)",
            Self::OpenCode => "1.18.33",
            Self::Pi => "0.87.1",
        }
    }

    /// Reads a command line.
    ///
    /// # Errors
    /// What the CLI prints when it refuses it, and its exit code.
    pub(super) fn parse(self, line: &[String]) -> Result<Call, Exit> {
        match self {
            Self::Codex => codex(line),
            Self::Claude => claude(line),
            Self::OpenCode => opencode(line),
            Self::Pi => pi(line),
        }
    }

    /// Returns what it says to an option it doesn't know.
    fn refuses(self, wrong: &Wrong) -> Exit {
        let (Wrong::Unknown(word) | Wrong::NoValue(word)) = wrong;
        match (self, wrong) {
            (Self::Codex, Wrong::Unknown(_)) => Exit::saying(
                2,
                format!("error: unexpected argument '{word}' found\n\nFor more information, try '--help'."),
            ),
            (Self::Codex, Wrong::NoValue(_)) => {
                Exit::saying(2, format!("error: a value is required for '{word}' but none was supplied"))
            }
            (Self::Claude, Wrong::Unknown(_)) => Exit::saying(1, format!("error: unknown option '{word}'")),
            (Self::Claude, Wrong::NoValue(_)) => {
                Exit::saying(1, format!("error: option '{word}' argument missing"))
            }
            (Self::OpenCode, Wrong::Unknown(_)) => Exit::saying(1, format!("Unknown argument: {word}")),
            (Self::OpenCode, Wrong::NoValue(_)) => {
                Exit::saying(1, format!("Not enough arguments following: {word}"))
            }
            (Self::Pi, _) => Exit::saying(1, format!("Error: Unknown option: {word}")),
        }
    }
}

/// Says that a command line is good for the CLI but not for who reads JSON lines.
fn not_played(cli: Cli, wanted: &str) -> Exit {
    Exit::saying(2, format!("{} is played with `{wanted}` only", cli.name()))
}

fn read(cli: Cli, table: Table, line: &[String], to_first_word: bool) -> Result<Options, Exit> {
    Options::read(table, line, to_first_word).map_err(|wrong| cli.refuses(&wrong))
}

/// Returns the words as a prompt; none, or `-`, is one on stdin.
fn prompt(words: &[String]) -> Option<String> {
    match words {
        [] => None,
        [word] if word == "-" => None,
        words => Some(words.join(" ")),
    }
}

fn codex(line: &[String]) -> Result<Call, Exit> {
    let cli = Cli::Codex;
    let root = read(cli, CODEX, line, true)?;
    if root.words != ["exec"] {
        return Err(not_played(cli, "exec --json"));
    }
    let mut exec = read(cli, CODEX_EXEC, &root.rest, true)?;
    let mut resume = None;
    let mut words = std::mem::take(&mut exec.words);
    if words == ["resume"] {
        let after = read(cli, CODEX_EXEC, &exec.rest, false)?;
        let mut named = after.words.into_iter();
        resume = named.next();
        words = named.collect();
    } else {
        words.extend(read(cli, CODEX_EXEC, &exec.rest, false)?.words);
    }
    if !exec.has("--json") {
        return Err(not_played(cli, "exec --json"));
    }
    let key = "model_reasoning_effort=";
    let effort = root.all("-c").chain(exec.all("-c")).filter_map(|pair| pair.strip_prefix(key)).last();
    Ok(Call {
        prompt: prompt(&words),
        resume,
        model: exec.get("--model").or(root.get("--model")).map(str::to_owned),
        effort: effort.map(|effort| effort.trim_matches('"').to_owned()),
        ..Call::default()
    })
}

fn claude(line: &[String]) -> Result<Call, Exit> {
    let cli = Cli::Claude;
    let options = read(cli, CLAUDE, line, false)?;
    if !options.has("--print") || options.get("--output-format") != Some("stream-json") {
        return Err(not_played(cli, "-p --output-format stream-json --verbose"));
    }
    if !options.has("--verbose") {
        let words = "Error: When using --print, --output-format=stream-json requires --verbose";
        return Err(Exit::saying(1, words));
    }
    Ok(Call {
        prompt: prompt(&options.words),
        resume: options.get("--resume").map(str::to_owned),
        model: options.get("--model").map(str::to_owned),
        effort: options.get("--effort").map(str::to_owned),
        ..Call::default()
    })
}

fn opencode(line: &[String]) -> Result<Call, Exit> {
    let cli = Cli::OpenCode;
    let root = read(cli, &[], line, true)?;
    if root.words != ["run"] {
        return Err(not_played(cli, "run --format json"));
    }
    let options = read(cli, OPENCODE, &root.rest, false)?;
    if options.get("--format") != Some("json") {
        return Err(not_played(cli, "run --format json"));
    }
    let prompt = prompt(&options.words);
    if prompt.as_deref().is_some_and(|prompt| prompt.trim_end_matches('.').parse::<u64>().is_ok()) {
        // A prompt of digits becomes a number, which it then takes for a text.
        return Err(Exit::saying(1, "\u{1b}[91m\u{1b}[1mError: \u{1b}[0mG.includes is not a function"));
    }
    Ok(Call {
        prompt,
        resume: options.get("--session").map(str::to_owned),
        model: options.get("--model").map(str::to_owned),
        effort: options.get("--variant").map(str::to_owned),
        ..Call::default()
    })
}

fn pi(line: &[String]) -> Result<Call, Exit> {
    let cli = Cli::Pi;
    let options = read(cli, PI, line, false)?;
    if !options.has("--print") || options.get("--mode") != Some("json") {
        return Err(not_played(cli, "--print --mode json"));
    }
    if let Some(file) = options.words.iter().find_map(|word| word.strip_prefix('@')) {
        return Err(Exit::saying(1, format!("Error: File not found: {file}")));
    }
    Ok(Call {
        prompt: prompt(&options.words),
        resume: options.get("--session").map(str::to_owned),
        begin_as: options.get("--session-id").map(str::to_owned),
        model: options.get("--model").map(str::to_owned),
        provider: options.get("--provider").map(str::to_owned),
        effort: options.get("--thinking").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(cli: Cli, line: &str) -> Result<Call, Exit> {
        cli.parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_four_are_told_to_go_on_each_in_its_own_way() {
        let codex =
            "-c notify=[] --model m -c model_reasoning_effort=high exec --json --color=never resume ID -";
        let claude = "-p --output-format stream-json --verbose --resume ID --model m --effort high \
                      --allowedTools Bash,Read";
        let opencode = "run --format json --session ID --model m --variant high";
        let pi = "--print --mode json --model m --thinking high --session ID";
        let wanted = |text: &str| Some(text.to_owned());
        for (cli, line) in
            [(Cli::Codex, codex), (Cli::Claude, claude), (Cli::OpenCode, opencode), (Cli::Pi, pi)]
        {
            let call = parse(cli, line).unwrap();
            assert_eq!(call.prompt, None, "{line}");
            assert_eq!((call.resume, call.model, call.effort), (wanted("ID"), wanted("m"), wanted("high")));
        }
    }

    #[test]
    fn an_unknown_option_is_refused_as_the_real_one_does() {
        for (line, cli, code) in [
            ("exec --json --full-auto -", Cli::Codex, 2),
            ("--skip-git-repo-check exec --json -", Cli::Codex, 2),
            ("-p --output-format stream-json --verbose --full", Cli::Claude, 1),
            ("run --format json --no", Cli::OpenCode, 1),
            ("--print --mode json --no", Cli::Pi, 1),
        ] {
            assert_eq!(parse(cli, line).unwrap_err().code, code, "{line}");
        }
    }

    #[test]
    fn what_the_real_ones_misread_in_a_command_line_is_misread() {
        assert_eq!(parse(Cli::OpenCode, "run --format json -- 42").unwrap_err().code, 1);
        assert_eq!(parse(Cli::Pi, "--print --mode json @file").unwrap_err().code, 1);
        assert_eq!(parse(Cli::Codex, "exec --json -x").unwrap_err().code, 2);
        let swallowed = parse(Cli::Claude, "-p --output-format stream-json --verbose --allowedTools A hello");
        assert_eq!(swallowed.unwrap().prompt, None);
    }
}
