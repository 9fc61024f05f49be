//! Somebody swaps a folder for a link that leads out, again and again, while files go through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::*;

const ROUNDS: usize = 300;

/// Swaps `door` between a folder of the project and a link to the outside until dropped.
struct Swapping {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<u64>>,
}

impl Swapping {
    fn start(desk: &Desk) -> Self {
        desk.write("door/secret", "inside");
        desk.link(desk.outside(), "spare");
        let [door, spare] = ["door", "spare"].map(|name| desk.path(name));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut swaps = 0;
            while !stopped.load(Ordering::Relaxed) {
                renameat_with(CWD, &door, CWD, &spare, RenameFlags::EXCHANGE).unwrap();
                swaps += 1;
            }
            swaps
        });
        Self { stop, thread: Some(thread) }
    }

    fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

fn is_honest(error: &FileError) -> bool {
    matches!(
        error,
        FileError::Escapes(_) | FileError::Changed(_) | FileError::NotThere(_) | FileError::NoFolder(_)
    )
}

#[tokio::test]
async fn nothing_comes_from_outside_through_a_folder_that_is_swapped_for_a_link() {
    let desk = Desk::new();
    let swapping = Swapping::start(&desk);
    for _ in 0..ROUNDS {
        match desk.get("door/secret").await {
            Ok((_, bytes)) => assert_eq!(bytes, b"inside"),
            Err(error) => assert!(is_honest(&error), "{error}"),
        }
    }
    assert!(swapping.end() > 0);
}

#[tokio::test]
async fn nothing_goes_outside_through_a_folder_that_is_swapped_for_a_link() {
    let mut desk = Desk::new();
    desk.force = true;
    let swapping = Swapping::start(&desk);
    for round in 0..ROUNDS / 4 {
        for path in ["door/secret".to_owned(), format!("door/new{round}/a")] {
            if let Err(error) = desk.put(&path, "inside").await {
                assert!(is_honest(&error) || matches!(error, FileError::Failed { .. }), "{error}");
            }
        }
    }
    assert!(swapping.end() > 0);
    let outside: Vec<_> =
        std::fs::read_dir(desk.outside()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside, ["secret"]);
    assert_eq!(std::fs::read_to_string(desk.outside().join("secret")).unwrap(), "outside");
}
