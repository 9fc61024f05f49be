//! Whatever pi prints, its run ends.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| takopi_engines::rehearse("pi", bytes));
