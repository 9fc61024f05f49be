//! What is wrong with a plugin: the heart's words for it.

pub use takopi_core::catalog::{Code, Problem};
