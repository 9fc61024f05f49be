//! Real processes and real pipes; one binary, so that it links once.

#[cfg(test)]
mod children;
#[cfg(test)]
mod rpc;
// Whole trees are only known where there is a `/proc`.
#[cfg(all(test, target_os = "linux"))]
mod stop;

#[cfg(test)]
mod house {
    use takopi_stdio::{Child, Input, Marker, Spawn, StdioError};
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    /// Prepares a shell script with an open stdin, so that `read` waits for ever.
    pub(crate) fn script(text: &str) -> Spawn {
        Spawn::new("/bin/sh").args(["-c", text]).stdin(Input::Piped)
    }

    pub(crate) fn start(spawn: Spawn) -> Child {
        spawn.start(&TaskTracker::new(), &CancellationToken::new()).unwrap()
    }

    /// Makes a marker no other test has.
    pub(crate) fn marker(test: &str) -> Marker {
        Marker::new("TAKOPI_RUN", format!("{test}-{}", std::process::id()))
    }

    /// Reads one batch, which a script's `echo` makes one line, as text.
    pub(crate) async fn line(child: &mut Child) -> String {
        let batch = child.stdout.next_batch().await.unwrap().expect("a line");
        String::from_utf8(batch.lines().next().unwrap().to_vec()).unwrap()
    }

    /// Reads to the end: lines, or `None` for one that was too long.
    pub(crate) async fn lines(child: &mut Child) -> Vec<Option<String>> {
        let mut all = Vec::new();
        loop {
            match child.stdout.next_batch().await {
                Ok(Some(batch)) => {
                    all.extend(batch.lines().map(|line| Some(String::from_utf8(line.to_vec()).unwrap())));
                }
                Ok(None) => return all,
                Err(StdioError::LineTooLong { .. }) => all.push(None),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
