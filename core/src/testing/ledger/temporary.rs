//! Bytes on their way in.

use tokio::io::AsyncWriteExt as _;

use crate::port::ledger::Ledger;

pub(super) async fn a_temporary_file_goes_with_its_owner(ledger: &impl Ledger) {
    let mut one = ledger.temporary().await.unwrap();
    let other = ledger.temporary().await.unwrap();
    one.write_all(b"some ").await.unwrap();
    one.write_all(b"bytes").await.unwrap();
    one.flush().await.unwrap();
    let path = one.path().to_owned();
    assert!(path.starts_with(ledger.spool()), "{}", path.display());
    assert_ne!(path, other.path());
    assert_eq!(std::fs::read(&path).unwrap(), b"some bytes");
    assert_eq!(std::fs::read(other.path()).unwrap(), b"");
    drop(one);
    assert!(!path.exists(), "it outlives its owner");
}
