//! The program that tests install as `codex`, `claude`, `opencode` and `pi`; it is all in `agent.rs`.

fn main() -> std::process::ExitCode {
    takopi_fake::agent::main()
}
