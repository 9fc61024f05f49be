//! The transport in Rust, started and spoken with over stdin and stdout as takopi does: the same checks as for the other
//! examples.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a premise that doesn't hold fails the test, and says where"
)]

#[expect(dead_code, reason = "the other examples need all of it")]
#[path = "../../rust-echo/tests/conformance/host.rs"]
mod host;
#[path = "../../rust-echo/tests/conformance/rules.rs"]
mod rules;

/// The program that this crate builds.
const PROGRAM: &str = env!("CARGO_BIN_EXE_rust-folder");

#[test]
fn rust_folder_keeps_the_house_rules() {
    rules::keeps_house_rules("rust-folder");
}
