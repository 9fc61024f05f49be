//! What people are told when a plugin's command fails: short, with what the process said last, without secrets.

use takopi_core::port::command::CommandError;
use takopi_core::render::shorten;
use takopi_core::text::visible;
use takopi_stdio::rpc::CallError;

use crate::problem::Problem;
use crate::process::{Failure, Plugin, too_long};
use crate::secrets::hidden;

/// Characters of what a plugin says about a failure: a few lines on a phone.
const SHOWN_CHARS: usize = 600;

/// Characters of one line of its stderr, and how many of the last lines are shown.
const LINE_CHARS: usize = 200;
const LAST_LINES: usize = 3;

fn name(plugin: &Plugin) -> &str {
    &plugin.package().manifest.distribution.name
}

/// Says that a plugin cannot be had.
pub(super) fn unavailable(plugin: &Plugin, problem: &Problem) -> CommandError {
    CommandError(format!("the plugin {} cannot be used: {}", name(plugin), ending(&problem.message)))
}

/// Says why a call brought no answer.
pub(super) fn failed(plugin: &Plugin, failure: &Failure, secrets: &[String]) -> CommandError {
    let name = name(plugin);
    let text = match failure {
        Failure::Unavailable(problem) => return unavailable(plugin, problem),
        Failure::Call(CallError::Refused(refusal)) => shorten(&visible(&refusal.message), SHOWN_CHARS),
        Failure::Call(CallError::Cancelled) => "it was stopped".to_owned(),
        Failure::Call(CallError::Closed(why)) => format!("the plugin {name} ended: {}", ending(why)),
        Failure::Call(CallError::Unsent(why)) => format!("the plugin {}", ending(why)),
        Failure::Call(error) => format!("the plugin {name} was not reached: {error}"),
        Failure::Gone(why) => format!("the plugin {}", ending(why)),
        Failure::Overlong => too_long(&format!("the plugin {name}")),
        Failure::Unreadable { .. } => shorten(&format!("the plugin {name}: {failure}"), SHOWN_CHARS),
    };
    let text = if text.trim().is_empty() { format!("the plugin {name} failed without a word") } else { text };
    CommandError(hidden(text, secrets))
}

/// Returns how a process ended and its last lines, of a text with all of them.
fn ending(why: &str) -> String {
    let mut lines = why.lines();
    let first = lines.next().unwrap_or_default().trim();
    let first = first.strip_prefix("the other side closed the connection: ").unwrap_or(first);
    let rest: Vec<String> =
        lines.map(|line| visible(line).into_owned()).filter(|line| !line.trim().is_empty()).collect();
    let last = rest.iter().skip(rest.len().saturating_sub(LAST_LINES));
    let shown = std::iter::once(shorten(&visible(first), LINE_CHARS));
    shown.chain(last.map(|line| shorten(line.trim(), LINE_CHARS))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_crash_the_exit_status_and_the_last_lines_are_told() {
        let why = "the other side closed the connection: exit status 3\none\ntwo\n\nthree\n\u{1b}[31mfour";
        assert_eq!(ending(why), "exit status 3\ntwo\nthree\nfour");
        assert_eq!(ending(&format!("x\n{}", "y".repeat(900))).chars().count(), 202);
        assert_eq!(ending(""), "");
    }
}
