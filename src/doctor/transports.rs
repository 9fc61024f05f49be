//! The transports: which are served, which could be, and whether the page can be reached or its port be had.

mod bot;
mod discord;
mod telegram;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use takopi_core::settings::{Instance, Severity};
use takopi_local::LocalConfig;
use tokio::net::{TcpListener, TcpStream};

use super::look::Scene;
use super::{Part, Row, State};
use crate::control::wire::TransportLine;
use crate::house;
use crate::lock::Host;
use crate::report::Failure;

/// How long this machine may take to answer itself.
const PATIENCE: Duration = Duration::from_secs(2);

const AGAIN: &str = "start takopi again";

/// Looks at the transports.
pub(super) async fn look(scene: &Scene<'_>) -> Result<Vec<Row>, Failure> {
    let kinds = &scene.read.known.transports;
    let doubles = house::Doubles::among(scene.settings);
    let double = |instance: &Instance| {
        let told = doubles.told().find(|told| told.key == format!("transports.{}", instance.id))?;
        Some(Row::mistake(Part::Transport, State::Warning, &told))
    };
    let mut rows = Vec::new();
    for instance in &scene.settings.transports {
        let row = if !kinds.contains(&instance.kind) {
            let text = format!("this version does not serve {}", instance.kind);
            Row::new(Part::Transport, State::Note, text)
        } else if !instance.served {
            let why = if instance.enabled { "`transport` names others" } else { "enabled = false" };
            Row::new(Part::Transport, State::Note, format!("not served: {why}"))
        } else if let Some(trouble) = trouble(scene, instance) {
            Row::new(Part::Transport, State::Failure, trouble)
                .remedy(format!("correct [transports.{}], then start takopi again", instance.id))
        } else if let Some(double) = double(instance) {
            double
        } else if house::is_telegram(instance) {
            let looked = telegram::look(scene, instance).await;
            rows.extend(looked.into_iter().map(|row| named(row, instance)));
            continue;
        } else if house::is_discord(instance) {
            let looked = discord::look(scene, instance).await;
            rows.extend(looked.into_iter().map(|row| named(row, instance)));
            continue;
        } else if let Some(row) = super::plugins::transport(scene, instance) {
            row
        } else {
            page(scene, instance).await
        };
        rows.push(named(row, instance));
    }
    Ok(rows)
}

fn named(row: Row, instance: &Instance) -> Row {
    row.name(&instance.id).fact("kind", instance.kind.as_str()).fact("served", instance.served)
}

/// Returns what the daemon says is wrong with it.
fn trouble(scene: &Scene<'_>, instance: &Instance) -> Option<String> {
    let lines = &scene.status?.transports;
    lines.iter().find(|line: &&TransportLine| line.instance == instance.id)?.issue.clone()
}

/// Looks at the page.
async fn page(scene: &Scene<'_>, instance: &Instance) -> Row {
    let row = |state, text: String| Row::new(Part::Transport, state, text);
    let daemon = scene.status.filter(|status| status.host == Host::Daemon);
    if let Some(status) = daemon {
        let Some(address) = status.page.as_deref().and_then(address) else {
            return row(State::Warning, "the running takopi serves no page".to_owned()).remedy(AGAIN);
        };
        let reached = tokio::time::timeout(PATIENCE, TcpStream::connect(address)).await;
        return match reached {
            Ok(Ok(_)) => row(State::Ok, format!("served at http://{address}, whole in `takopi status`")),
            Ok(Err(error)) => {
                row(State::Failure, format!("http://{address} cannot be reached: {error}")).remedy(AGAIN)
            }
            Err(_) => row(State::Failure, format!("http://{address} does not answer")).remedy(AGAIN),
        };
    }
    let reading = scene.settings.transport::<LocalConfig>(&instance.id);
    if let Some(mistake) = reading.diagnostics.iter().find(|mistake| mistake.severity == Severity::Error) {
        return Row::mistake(Part::Transport, State::Failure, mistake);
    }
    let Some(port) = reading.value.port else {
        return row(State::Ok, "will be served at the first free port".to_owned());
    };
    match TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
        Ok(_) => row(State::Ok, format!("will be served at port {port}, which is free")),
        Err(error) => row(State::Failure, format!("port {port} cannot be had: {error}"))
            .remedy(format!("name another: port = … under [transports.{}]", instance.id)),
    }
}

/// Returns where a page listens, without the token that its address ends in.
fn address(page: &str) -> Option<SocketAddr> {
    page.strip_prefix("http://")?.split('/').next()?.parse().ok()
}
