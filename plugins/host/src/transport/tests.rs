//! until written
