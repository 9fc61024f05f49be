//! The first words with a plugin's process, and what is told where they go wrong.

use std::path::Path;

use takopi_plugin_protocol::{self as protocol, Method, code, life};
use takopi_stdio::rpc::{CallError, Patience, Peer, RpcError};

use super::life::{Life, printed, seconds};
use crate::bounds::Bounds;
use crate::manifest::Package;
use crate::parts::HostParts;
use crate::problem::{Code, Problem};

/// Returns how takopi introduces itself to a process of a plugin.
pub(crate) fn hello(
    package: &Package,
    parts: &HostParts,
    data: &Path,
    config: &life::Settings,
) -> life::Initialize {
    life::Initialize {
        protocol: protocol::VERSION,
        host: life::Named { name: "takopi".to_owned(), version: parts.version.clone() },
        data_dir: data.to_string_lossy().into_owned(),
        provides: package.manifest.provides(),
        config: config.clone(),
        capabilities: life::HostCapabilities { run: true, ask: true },
    }
}

/// Introduces takopi, and returns what the plugin answers. Takes no longer than [`Bounds::handshake`].
///
/// # Errors
/// [`Problem`] for whatever isn't the answer that is due.
pub(super) async fn shake_hands(
    peer: &Peer,
    life: &Life,
    hello: &life::Initialize,
    bounds: &Bounds,
) -> Result<life::Initialized, Problem> {
    let failed = |error: &dyn std::fmt::Display| Problem::new(Code::StartFailed, error.to_string());
    let params = serde_json::to_value(hello).map_err(|error| failed(&error))?;
    let answer = match peer.call(life::Initialize::NAME, params, &Patience::of(bounds.handshake)).await {
        Ok(answer) => answer,
        Err(error) => return Err(explain(error, peer, life).await),
    };
    let answer: life::Initialized = serde_json::from_value(answer)
        .map_err(|error| failed(&format_args!("its answer to initialize cannot be read: {error}")))?;
    judge(&answer, hello)?;
    let ready = serde_json::to_value(life::Ready {}).map_err(|error| failed(&error))?;
    match peer.notify(<life::Ready as protocol::Notification>::NAME, ready).await {
        Ok(()) => Ok(answer),
        Err(error) => Err(explain(error, peer, life).await),
    }
}

fn judge(answer: &life::Initialized, hello: &life::Initialize) -> Result<(), Problem> {
    speaks(answer)?;
    match answer.provides.iter().find(|one| !hello.provides.contains(one)) {
        None => Ok(()),
        Some(extra) => {
            let named = super::named(extra.kind, &extra.id);
            let problem = format!("its process provides {named}, which its manifest does not name");
            Err(Problem::new(Code::ProvidesMismatch, problem))
        }
    }
}

/// Checks that a plugin speaks the protocol that is spoken here.
///
/// # Errors
/// [`Code::UnsupportedProtocol`], with which of the two is to be updated.
pub(crate) fn speaks(answer: &life::Initialized) -> Result<(), Problem> {
    let (theirs, ours) = (answer.protocol, protocol::VERSION);
    if theirs == ours {
        return Ok(());
    }
    let older = if theirs > ours { "takopi" } else { "the plugin" };
    let problem = format!("it speaks protocol {theirs}, this takopi speaks {ours}; update {older}");
    Err(Problem::new(Code::UnsupportedProtocol, problem))
}

async fn explain(error: CallError, peer: &Peer, life: &Life) -> Problem {
    let (lines, last) = peer.garbage();
    let garbage = (lines > 0).then(|| {
        format!("it {} answering the handshake: stdout is for the protocol, print to stderr", printed(&last))
    });
    match error {
        CallError::TimedOut { after } => {
            let silent = || format!("no answer to initialize within {}{}", seconds(after), life.last_words());
            Problem::new(Code::HandshakeTimeout, garbage.unwrap_or_else(silent))
        }
        CallError::Closed(_) => {
            let ended = format!("it ended before it answered the handshake {}", life.ending().await);
            Problem::new(Code::StartFailed, garbage.unwrap_or(ended))
        }
        CallError::Refused(error) if error.code == code::BAD_CONFIG => {
            Problem::new(Code::BadConfig, complaint(&error))
        }
        CallError::Refused(error) => {
            Problem::new(Code::StartFailed, format!("it refused the handshake: {}", error.message))
        }
        other => Problem::new(Code::StartFailed, other.to_string()),
    }
}

/// Returns what a plugin says is wrong with its settings.
fn complaint(error: &RpcError) -> String {
    let issues = error.data.clone().and_then(|data| serde_json::from_value::<life::Issues>(data).ok());
    let issues = issues.map(|issues| issues.issues).unwrap_or_default();
    let told: Vec<String> = issues.iter().map(super::sound::words).collect();
    if told.is_empty() { error.message.clone() } else { told.join("; ") }
}
