//! What a survey asks of the specs themselves: whether the resume patterns of engines keep apart.

use super::{Code, Found, Origin, Problem, quoted};
use crate::id::PluginId;
use crate::port::command::CommandSpec;
use crate::port::engine::EngineSpec;
use crate::port::transport::TransportSpec;
use crate::resume::{ResumePattern, ResumePatterns};

/// What is known of something without loading it.
pub trait Spec {
    /// Returns how its sessions look in text, where it has any.
    fn resume(&self) -> Option<&ResumePattern> {
        None
    }
}

impl Spec for EngineSpec {
    fn resume(&self) -> Option<&ResumePattern> {
        self.resume.as_ref()
    }
}

impl Spec for TransportSpec {}
impl Spec for CommandSpec {}

impl<S: Spec> Spec for &S {
    fn resume(&self) -> Option<&ResumePattern> {
        (*self).resume()
    }
}

/// Takes out who would be given another's sessions, or whose sessions would be given to a built-in. Of two third
/// parties only the one that takes is refused: nobody can put another out of use by what it recognises.
pub(super) fn refuse_ambiguous<S: Spec>(found: &mut [Found<S>]) {
    let is_third_party =
        |id: &PluginId| found.iter().any(|found| found.id == *id && !matches!(found.origin, Origin::BuiltIn));
    let patterns = found
        .iter()
        .filter_map(|found| Some((found.id.clone(), found.spec.as_ref().ok()?.resume()?.clone())));
    let mut refused = Vec::new();
    for ambiguity in patterns.collect::<ResumePatterns>().ambiguities() {
        let (shown_by, taken_by) = (&ambiguity.shown_by, &ambiguity.taken_by);
        let (id, what, other) = if is_third_party(taken_by) {
            (taken_by, "its resume pattern also takes the lines of engine", shown_by)
        } else if is_third_party(shown_by) {
            (shown_by, "its resume lines would be taken for those of engine", taken_by)
        } else {
            continue;
        };
        let other = quoted(other.as_str());
        let text = format!("{what} {other}; put words of its own beside {{token}} in its resume table");
        refused.push((id.clone(), Problem::new(Code::AmbiguousResume, text)));
    }
    for (id, problem) in refused {
        if let Some(found) = found.iter_mut().find(|found| found.id == id && found.spec.is_ok()) {
            found.spec = Err(problem);
        }
    }
}
