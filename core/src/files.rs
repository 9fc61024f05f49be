//! Files that people put into a run's directory or get out of it, as far as that can be told without a disk: how
//! their paths are written (`path.rs`), which of them are nobody's business (`rules.rs`), and which ones an answer
//! names (`named.rs`).
//!
//! Nothing here opens anything. The disk is behind the port: `port/workspace/files.rs`.

mod named;
mod path;
mod rules;

use crate::id::InstanceId;

pub use named::{MAX_NAMED, NamedFile, named_files};
pub use path::{FilePath, MAX_NAME_BYTES, MAX_PATH_BYTES, UPLOAD_NAME, clean_name};
pub use rules::{BadGlob, DENY_GLOBS, DenyGlobs};

/// Returns what people are told where files neither come nor go.
#[must_use]
pub fn switched_off(instance: &InstanceId) -> String {
    format!("file transfer disabled; enable [transports.{instance}.files].")
}

/// Returns a size as people read it: `7 b`, `1.5 kb`, `20 mb`. One decimal below 10, and nothing above `mb`.
#[must_use]
pub fn shown_size(bytes: u64) -> String {
    const UNIT: u64 = 1024;
    let (divisor, unit) = match bytes {
        0..UNIT => return format!("{bytes} b"),
        UNIT..1_048_576 => (UNIT, "kb"),
        _ => (UNIT * UNIT, "mb"),
    };
    let rounded = |parts: u128| (u128::from(bytes) * parts + u128::from(divisor) / 2) / u128::from(divisor);
    if bytes / divisor < 10 {
        let tenths = rounded(10);
        return format!("{}.{} {unit}", tenths / 10, tenths % 10);
    }
    format!("{} {unit}", rounded(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_the_unit_that_fits() {
        let shown =
            [0, 7, 1023, 1024, 1500, 5000, 10_752, 20 << 20, (5 << 20) + (1 << 19), u64::MAX].map(shown_size);
        let wanted = [
            "0 b",
            "7 b",
            "1023 b",
            "1.0 kb",
            "1.5 kb",
            "4.9 kb",
            "11 kb",
            "20 mb",
            "5.5 mb",
            "17592186044416 mb",
        ];
        assert_eq!(shown, wanted);
    }
}
