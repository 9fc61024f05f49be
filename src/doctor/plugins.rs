//! The plugins: what is wrong with those that are enabled, and whose a transport or an engine is. Nothing of them is
//! started.

use takopi_core::catalog::Origin;
use takopi_core::id::PluginKind;
use takopi_core::settings::Instance;
use takopi_core::text::visible;

use super::look::Scene;
use super::{Part, Row, State};
use crate::house;
use crate::report::Failure;

/// Looks at the plugins. Engines have rows of their own.
pub(super) fn look(scene: &Scene<'_>) -> Result<Vec<Row>, Failure> {
    let listing = house::listing(scene.settings, &scene.read.plugins)?;
    let errors = listing.errors.iter().filter(|error| error.kind != Some(PluginKind::Engine));
    let row = |error: &takopi_core::catalog::PluginError| {
        let label = error.kind.map_or("plugin", PluginKind::label);
        let whose = error.distribution.as_deref().unwrap_or("unknown");
        Row::new(Part::Plugin, State::Warning, format!("{label} of {whose}: {}", error.message))
            .name(visible(&error.id))
            .fact("code", error.code.word())
    };
    let mut rows: Vec<Row> = errors.map(row).collect();
    let mistakes = house::plugin_mistakes(scene.place, scene.settings, &scene.read.plugins);
    rows.extend(mistakes.iter().map(|mistake| Row::mistake(Part::Plugin, State::Warning, mistake)));
    Ok(rows)
}

/// Returns the row of a transport that a plugin brings.
pub(super) fn transport(scene: &Scene<'_>, instance: &Instance) -> Option<Row> {
    let kinds = house::transports(&scene.read.plugins, &scene.settings.plugins.enabled);
    let found = kinds.found.into_iter().find(|found| found.id == instance.kind)?;
    if found.origin == Origin::BuiltIn {
        return None;
    }
    Some(match found.spec {
        Ok(_) => Row::new(Part::Transport, State::Ok, whose(scene, &found.origin)),
        Err(problem) => Row::new(Part::Transport, State::Failure, problem.message),
    })
}

/// Says whose something is, and where that is.
pub(super) fn whose(scene: &Scene<'_>, origin: &Origin) -> String {
    let distribution = origin.distribution().unwrap_or("a plugin without a name");
    match origin.place() {
        Some(place) => format!("of {distribution} · {}", scene.place.shown(place)),
        None => format!("of {distribution}"),
    }
}
