//! `takopi plugins`: what there is and what is wrong with it, in the Python takopi's layout or as JSON.
//!
//! A config file that cannot be read doesn't keep the listing from coming: then the defaults hold.

use takopi_core::catalog::{Code, Listing, PluginError, render_plugins};
use takopi_core::id::{Distribution, PluginKind};
use takopi_core::settings::{Diagnostic, Severity};

use super::PluginsArguments;
use crate::report::{Exit, Failure, remark, say};
use crate::{config, house};

pub(super) fn run(arguments: &PluginsArguments) -> Result<Exit, Failure> {
    let place = arguments.config.place()?;
    let loaded = match config::read(&place, &[]) {
        Ok(loaded) => loaded,
        Err(Failure::Settings(mistakes)) => {
            mistakes.iter().for_each(remark);
            remark("what follows is listed as if nothing were set");
            config::defaults(&place)?
        }
        Err(failure) => return Err(failure),
    };
    let mut listing = house::listing(&loaded.settings)?;
    if arguments.load {
        let mistakes = house::mistakes(&loaded.settings)?;
        let mistakes = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error);
        listing.add_errors(&mistakes.map(broken).collect::<Vec<_>>());
        note_missing(&mut listing)?;
    }
    if arguments.json {
        say(serde_json::to_string_pretty(&listing).map_err(anyhow::Error::from)?)?;
    } else {
        say(render_plugins(&listing).trim_end())?;
    }
    Ok(if arguments.load && !listing.errors.is_empty() { Exit::Failed } else { Exit::Done })
}

/// Returns a mistake in an engine's table as what is wrong with that engine.
fn broken(mistake: &Diagnostic) -> PluginError {
    let key = mistake.key.strip_prefix("engines.").unwrap_or(&mistake.key);
    PluginError {
        kind: Some(PluginKind::Engine),
        id: key.split('.').next().unwrap_or_default().to_owned(),
        distribution: Some(Distribution::builtin().as_str().to_owned()),
        code: Code::BadConfig,
        message: mistake.to_string(),
    }
}

/// Notes engines whose program isn't there: that is nothing wrong with the plugin.
fn note_missing(listing: &mut Listing) -> Result<(), Failure> {
    for engine in house::known()?.engines.into_iter().filter(|engine| !engine.installed) {
        let message = engine.missing().to_string();
        listing.notes.push(PluginError {
            kind: Some(PluginKind::Engine),
            id: engine.id.to_string(),
            distribution: Some(Distribution::builtin().as_str().to_owned()),
            code: Code::MissingExecutable,
            message,
        });
    }
    Ok(())
}
