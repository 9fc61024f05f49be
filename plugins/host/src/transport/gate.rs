//! Who may speak through a plugin's transport, from memory: whom the settings name, and who was paired. Whoever may not
//! meets silence, programs in any case.

use std::sync::{PoisonError, RwLock};

use takopi_core::message::Sender;
use takopi_core::port::transport::Admission;

use super::config::People;

/// Who may speak.
#[derive(Debug, Default)]
pub(super) struct Gate {
    people: People,
    paired: RwLock<Vec<String>>,
}

impl Gate {
    pub(super) fn new(people: People) -> Self {
        Self { people, paired: RwLock::default() }
    }

    /// Returns whether somebody may speak.
    pub(super) fn admits(&self, sender: &Sender) -> Admission {
        match self.people {
            _ if sender.is_bot => Admission::Silence,
            People::Everybody => Admission::Served,
            _ if self.knows(sender) => Admission::Served,
            _ => Admission::Stranger,
        }
    }

    /// Returns whether somebody is served by name, not as one of everybody: only they may change what holds for others.
    pub(super) fn knows(&self, sender: &Sender) -> bool {
        let is_named = match &self.people {
            People::Named(ids) => ids.contains(&sender.id),
            People::Unsaid | People::Everybody => false,
        };
        is_named || self.paired.read().unwrap_or_else(PoisonError::into_inner).contains(&sender.id)
    }

    /// Serves these people too, in the place of those it was told of before.
    pub(super) fn set_paired(&self, people: &[String]) {
        people.clone_into(&mut self.paired.write().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(id: &str) -> Sender {
        Sender { id: id.to_owned(), name: String::new(), is_bot: false }
    }

    #[test]
    fn nobody_is_served_who_is_neither_named_nor_paired() {
        let named = People::Named(vec!["ada".to_owned()]);
        for (people, ada, eve) in [
            (People::Unsaid, Admission::Stranger, Admission::Stranger),
            (named, Admission::Served, Admission::Stranger),
            (People::Everybody, Admission::Served, Admission::Served),
        ] {
            let gate = Gate::new(people);
            assert_eq!((gate.admits(&sender("ada")), gate.admits(&sender("eve"))), (ada, eve), "{gate:?}");
            gate.set_paired(&["eve".to_owned()]);
            assert_eq!(gate.admits(&sender("eve")), Admission::Served);
            gate.set_paired(&[]);
            assert!(!gate.knows(&sender("eve")));
            let bot = Sender { is_bot: true, ..sender("ada") };
            assert_eq!(gate.admits(&bot), Admission::Silence);
        }
    }
}
