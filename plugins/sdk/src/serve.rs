//! The conversation: lines in, each to where it belongs, until takopi says or shows that it is over.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use takopi_plugin_protocol::{COOKIE, Done, MAX_LINE_BYTES, Method, Notification, life};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, BufReader};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dispatch::Session;
use crate::error::{Error, Result};
use crate::peer::{Peer, write_lines};
use crate::plugin::Plugin;

/// Requests of takopi's that may be under way; it asks for fewer, so more is a fault.
const MAX_REQUESTS: usize = 1024;

/// How long the last lines may take to be written.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Wrong usage, as everywhere in takopi.
const WRONG_USAGE: u8 = 2;

/// Why a conversation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Takopi said so.
    Exit,
    /// Takopi is gone, or what it wrote is no protocol.
    Gone,
    /// A transport cannot go on.
    Broken,
}

impl Plugin {
    /// Speaks with takopi over stdin and stdout until it is over. Whatever else the program prints goes to stderr.
    ///
    /// Started by hand it says what it is, and returns 2.
    #[must_use]
    pub fn serve(self) -> ExitCode {
        if std::env::var_os(COOKIE).is_none() {
            return told(&by_hand(&self.named), WRONG_USAGE);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let started = runtime.and_then(|runtime| Ok((runtime, take_stdio()?)));
        let (runtime, (stdin, stdout)) = match started {
            Ok(started) => started,
            Err(error) => return told(&format!("it cannot start: {error}"), 1),
        };
        let end = runtime.block_on(async {
            self.serve_on(tokio::fs::File::from_std(stdin), tokio::fs::File::from_std(stdout)).await
        });
        // A thread may still wait for stdin, which nobody closes.
        runtime.shutdown_background();
        match end {
            End::Exit | End::Gone => ExitCode::SUCCESS,
            End::Broken => ExitCode::FAILURE,
        }
    }

    /// Speaks with takopi over any pair of streams until it is over; for tests.
    pub async fn serve_on(
        self,
        reader: impl AsyncRead + Unpin,
        writer: impl AsyncWrite + Unpin + Send + 'static,
    ) -> End {
        let tasks = TaskTracker::new();
        let (peer, lines) = Peer::new(tasks.clone());
        let finish = CancellationToken::new();
        let writing = tasks.spawn(write_lines(lines, writer, finish.clone()));
        let session = Arc::new(Session::new(self, Arc::new(peer)));
        let conversation = Arc::new(Conversation::new(session.clone(), tasks.clone()));
        let end = conversation.read(BufReader::new(reader)).await;
        session.peer.hang_up();
        session.end().await;
        finish.cancel();
        // Takopi may have stopped reading: then the rest is for nobody.
        drop(tokio::time::timeout(LAST_LINES, writing).await);
        end
    }
}

/// What is under way between takopi and the plugin.
struct Conversation {
    session: Arc<Session>,
    tasks: TaskTracker,
    requests: Mutex<HashMap<String, CancellationToken>>,
    greeted: AtomicBool,
    exit: CancellationToken,
}

impl Conversation {
    fn new(session: Arc<Session>, tasks: TaskTracker) -> Self {
        let (requests, greeted, exit) = Default::default();
        Self { session, tasks, requests, greeted, exit }
    }

    async fn read(self: &Arc<Self>, mut reader: BufReader<impl AsyncRead + Unpin>) -> End {
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = (&mut reader).take(MAX_LINE_BYTES as u64 + 1);
            tokio::select! {
                read = limited.read_until(b'\n', &mut line) => match read {
                    Ok(_) if line.ends_with(b"\n") => self.take(&line),
                    Ok(_) | Err(_) => return End::Gone,
                },
                () = self.session.broken.cancelled() => return End::Broken,
            }
            if self.exit.is_cancelled() {
                return End::Exit;
            }
        }
    }

    /// Takes one line. What is no message is for nobody.
    fn take(self: &Arc<Self>, line: &[u8]) {
        let Ok(Value::Object(mut message)) = serde_json::from_slice(line) else { return };
        let params = message.remove("params").unwrap_or(Value::Object(serde_json::Map::new()));
        match (message.remove("method"), message.remove("id")) {
            (Some(Value::String(method)), Some(id)) => self.request(id, method, params),
            (Some(Value::String(method)), None) => self.notified(&method, params),
            (None, Some(id)) => {
                let answer = match message.remove("error") {
                    None => Ok(message.remove("result").unwrap_or_default()),
                    Some(error) => Err(serde_json::from_value(error).unwrap_or_else(Error::from)),
                };
                if let Some(id) = id.as_u64() {
                    self.session.peer.settle(id, answer);
                }
            }
            _ => {}
        }
    }

    fn notified(&self, method: &str, params: Value) {
        if method == life::Exit::NAME {
            self.exit.cancel();
        } else if method == life::Cancel::NAME
            && let Some(id) = params.get("id")
            && let Some(token) = self.requests().get(&id.to_string())
        {
            token.cancel();
        }
    }

    fn request(self: &Arc<Self>, id: Value, method: String, params: Value) {
        let (this, key, cancel) = (self.clone(), id.to_string(), self.session.token());
        if let Err(refused) = self.admit(&key, &method, &cancel) {
            let peer = self.session.peer.clone();
            self.tasks.spawn(async move { drop(peer.respond(&id, Err(refused)).await) });
            return;
        }
        let answer = async move {
            let answer = if method == life::Shutdown::NAME {
                this.session.end().await;
                serde_json::to_value(Done {}).map_err(Error::from)
            } else {
                this.work(method, params, cancel).await
            };
            this.requests().remove(&key);
            // Without takopi there is nobody to answer.
            drop(this.session.peer.respond(&id, answer).await);
        };
        // The end waits for all works but itself.
        self.tasks.spawn(answer);
    }

    fn admit(&self, key: &str, method: &str, cancel: &CancellationToken) -> Result<()> {
        let greets = method == life::Initialize::NAME;
        if self.greeted.fetch_or(greets, Ordering::Relaxed) == greets {
            let why = if greets { "initialize comes once" } else { "initialize comes first" };
            return Err(Error::new(Error::INVALID_REQUEST, why));
        }
        let mut requests = self.requests();
        if requests.len() >= MAX_REQUESTS {
            return Err(Error::busy(format!("{MAX_REQUESTS} requests are under way")));
        }
        requests.insert(key.to_owned(), cancel.clone());
        Ok(())
    }

    /// Lets the author's code answer; a panic of it is an error like others.
    async fn work(&self, method: String, params: Value, cancel: CancellationToken) -> Result<Value> {
        let session = self.session.clone();
        let work = self.session.works.spawn(async move { session.dispatch(&method, params, cancel).await });
        work.await.unwrap_or_else(|_| Err(Error::failed("the plugin panicked")))
    }

    fn requests(&self) -> MutexGuard<'_, HashMap<String, CancellationToken>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Moves the connection away from the places that everybody's prints and children use.
fn take_stdio() -> io::Result<(File, File)> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok((stdin.into(), stdout.into()))
}

fn by_hand(named: &life::Named) -> String {
    let life::Named { name, version } = named;
    format!(
        "{name} {version} is a plugin of takopi, which starts it by itself: put its folder into \
         ~/.takopi/plugins, then type `takopi plugins --load`"
    )
}

fn told(text: &str, code: u8) -> ExitCode {
    // Without stderr there is nobody to tell; the code says it.
    drop(writeln!(io::stderr(), "{text}"));
    ExitCode::from(code)
}
