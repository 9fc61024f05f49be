//! What `takopi pair` and the house say to each other.

use serde::{Deserialize, Serialize};
use takopi_core::id::InstanceId;
use takopi_core::pairing::Paired;
use takopi_core::time::Timestamp;

/// The methods.
pub(crate) mod method {
    /// Opens a code, which is given back when the connection ends: [`super::Open`] in, [`super::Opened`] out.
    pub(crate) const OPEN: &str = "pair/open";
    /// Waits until a code is used or too old: [`super::Wait`] in, [`super::Used`] out.
    pub(crate) const WAIT: &str = "pair/wait";
    /// Who is paired: nothing in, a list of [`super::Person`] out.
    pub(crate) const LIST: &str = "pair/list";
    /// Stops serving somebody: [`super::Revoke`] in, a list of [`super::Person`] out: whom, on every instance.
    pub(crate) const REVOKE: &str = "pair/revoke";
}

/// Where a code is to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Open {
    /// The instance; the only one that pairs when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<InstanceId>,
}

/// A code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// Its number on this connection.
    pub(crate) number: u64,
    /// The instance whose bot it is sent to.
    pub(crate) instance: InstanceId,
    /// The code.
    pub(crate) code: String,
    /// How long it is good.
    pub(crate) valid_s: u64,
    /// Where whoever sends it is served then, for people.
    pub(crate) reach: String,
}

/// Which code to wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wait {
    /// Its number.
    pub(crate) number: u64,
}

/// What became of a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    /// Who was let in by it; nobody when its time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paired: Option<Person>,
}

/// Who is not to be served any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revoke {
    /// The service's id of the person.
    pub(crate) id: String,
    /// On which instance; on all when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<InstanceId>,
}

/// Somebody who is paired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    /// On which instance.
    pub(crate) instance: InstanceId,
    /// The service's id of them.
    pub(crate) id: String,
    /// What people call them.
    pub(crate) name: String,
    /// Since when.
    pub(crate) since: Timestamp,
}

impl Person {
    pub(crate) fn new(instance: InstanceId, paired: Paired) -> Self {
        Self { instance, id: paired.id, name: paired.name, since: paired.at }
    }
}
