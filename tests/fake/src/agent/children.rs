//! The processes that an agent's commands are: each leads a session of its own, as with the real ones, so
//! that no signal to the agent's group reaches it.

use std::io;
use std::process::{Child, Command, Stdio};

use super::state::State;

/// Stands for ever.
const FOR_EVER: &str = "exec tail -f /dev/null";

/// Starts a command that stands at the gate called `gate`, or for ever when that is empty.
pub(super) fn stand(state: &State, gate: &str) -> io::Result<Child> {
    let mut command = in_own_session();
    match gate {
        "" => command.args(["-c", FOR_EVER]),
        gate => command.args(["-c", "exec cat \"$0\""]).arg(state.gate(gate)),
    };
    started(state, command)
}

/// Starts a server that nobody waits for.
pub(super) fn serve(state: &State) -> io::Result<Child> {
    let mut command = in_own_session();
    command.args(["-c", FOR_EVER]);
    started(state, command)
}

fn in_own_session() -> Command {
    let mut command = Command::new("setsid");
    command.arg("sh");
    command
}

fn started(state: &State, mut command: Command) -> io::Result<Child> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    state.log("child", &[("child", child.id().into())])?;
    Ok(child)
}
