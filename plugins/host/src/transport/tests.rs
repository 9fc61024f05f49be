//! A plugin's transport over a real process, whose lines the test plays.

mod coming;
mod contract;
mod going;
mod living;
mod stage;
