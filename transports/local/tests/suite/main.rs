//! The transport, its door and its page on a real desk, with engines and a ledger that live in memory.

#![expect(clippy::unwrap_used, reason = "a premise that doesn't hold fails the test, and says where")]

// The browser of the end-to-end tests: here the page is looked at with engines that do as they are told.
#[expect(
    dead_code,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "these tests do less with a page, and what is skipped must be seen"
)]
#[path = "../../../../tests/e2e/browser.rs"]
mod browser;
mod client;
mod contract;
mod door;
#[expect(clippy::expect_used, clippy::print_stderr, reason = "as `browser`")]
#[path = "../../../../tests/e2e/driver.rs"]
mod driver;
mod house;
mod left;
mod looks;
mod page;
mod picks;
mod steps;
mod tab;
