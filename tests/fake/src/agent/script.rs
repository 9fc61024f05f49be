//! What a prompt says shall happen. Pure.
//!
//! A directive is `[[NAME REST]]`. They happen in their order, before the answer:
//!
//! | directive | what happens |
//! |---|---|
//! | `say TEXT` | the answer is TEXT, `\n` a line break; else it is `ok: PROMPT (turn N)` without directives |
//! | `where` | the answer is the directory the agent takes for its own |
//! | `silent` | the answer is empty |
//! | `note TEXT` | says TEXT before it goes on |
//! | `think TEXT` | thinks TEXT |
//! | `tools n=2 fail=2` | runs that many commands; one of them may fail |
//! | `edit PATH` | writes a file, really |
//! | `child GATE` | a command whose process leads a session of its own stands at GATE, or for ever without one |
//! | `leftover` | a command leaves a server running in the background |
//! | `wait GATE` | stands at GATE |
//! | `stubborn` | from here on SIGTERM and SIGINT are ignored |
//! | `retry n=2 REASON` | the model's service fails that often, and is tried again |
//! | `fail MESSAGE` | the run ends with the agent's own error |
//! | `crash rc=7 TEXT` | the process ends so, after saying TEXT if there is one, without a result |
//! | `rejected PATH` | a permission nobody can give is refused, and the run ends (opencode) |
//! | `turns n=2` | a sub-agent makes the run go on, with a result for each turn (claude) |
//! | `garbage` | lines that are no JSON, of no known type, no UTF-8, or blank |
//! | `halfline GATE` | a line in two writes, standing at GATE between them if one is named |
//! | `stderr n=5` | words on stderr |
//! | `huge mb=10` | a command prints so much, in one line |
//! | `wrongsession` | names another session midway |
//! | `nosession`, `noresult` | leaves these lines out |
//! | `nonewline` | the last line has no end |
//! | `linger GATE` | after the result it stands at GATE before it exits |
//! | `old` | prints the lines of the older version that is known |

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: String,
    /// What stands after the name.
    pub(super) rest: String,
}

impl Step {
    /// Returns the number that `key=` gives; `default` without one.
    pub(super) fn number(&self, key: &str, default: usize) -> usize {
        let value = |word: &str| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok();
        self.rest.split_whitespace().find_map(value).unwrap_or(default)
    }

    /// Returns the words that are no `key=value`.
    pub(super) fn words(&self) -> String {
        let is_word = |word: &&str| !word.contains('=');
        self.rest.split_whitespace().filter(is_word).collect::<Vec<_>>().join(" ")
    }
}

/// The steps of a run, and what was asked beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) text: String,
}

impl Script {
    /// Reads a prompt. What is not closed is text.
    pub(super) fn parse(prompt: &str) -> Self {
        let (mut steps, mut text) = (Vec::new(), String::new());
        let mut left = prompt;
        while let Some((before, after)) = left.split_once("[[") {
            let Some((inside, rest)) = after.split_once("]]") else { break };
            let (name, words) = inside.trim().split_once(' ').unwrap_or((inside.trim(), ""));
            steps.push(Step { name: name.to_owned(), rest: words.trim().to_owned() });
            text += before;
            left = rest;
        }
        text += left;
        Self { steps, text: text.trim().to_owned() }
    }

    /// Tells whether a directive stands anywhere.
    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Returns the first directive of a name.
    pub(super) fn find(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Returns the answer of turn `turn` in `dir`.
    pub(super) fn answer(&self, turn: u64, dir: &str) -> String {
        if self.has("silent") {
            return String::new();
        }
        if self.has("where") {
            return dir.to_owned();
        }
        let said = self.find("say").map(|step| step.rest.replace("\\n", "\n"));
        said.unwrap_or_else(|| format!("ok: {} (turn {turn})", self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_taken_out_of_the_text() {
        let script = Script::parse("fix [[tools n=4 fail=2]] it [[say a\\nb]]");
        assert_eq!(script.text, "fix  it");
        assert_eq!(script.steps[0].number("n", 1), 4);
        assert_eq!(script.steps[0].number("mb", 10), 10);
        assert_eq!(script.answer(1, "/"), "a\nb");
    }

    #[test]
    fn a_prompt_without_directives_is_told_back_with_its_turn() {
        let script = Script::parse("hello [[");
        assert_eq!(script.answer(3, "/"), "ok: hello [[ (turn 3)");
        assert_eq!(Script::parse("x [[silent]]").answer(1, "/"), "");
        assert_eq!(Script::parse("x [[where]]").answer(1, "/work"), "/work");
    }

    #[test]
    fn numbers_and_words_stand_side_by_side() {
        let step = &Script::parse("[[crash rc=7 half a word]]").steps[0];
        assert_eq!((step.number("rc", 1), step.words().as_str()), (7, "half a word"));
    }
}
