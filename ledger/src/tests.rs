//! The ledger against the port's contract, and what only a durable one has to keep.

mod durable;
mod forgetting;
mod formats;
mod killed;
mod moving;
mod parallel;
mod retention;
mod trouble;

use std::path::{Path, PathBuf};

use takopi_core::testing::ledger::ledger_contract;
use tempfile::TempDir;

use crate::SqliteLedger;

/// Returns a folder that goes with its owner, and the path of a ledger in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    (folder, path)
}

fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::open(path).unwrap()
}

#[tokio::test]
async fn the_ledger_on_disk_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    let make = || {
        count.set(count.get() + 1);
        let ledger = open(&folder.path().join(format!("{}.db", count.get())));
        async { ledger }
    };
    ledger_contract(make).await;
}
