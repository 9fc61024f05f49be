//! Memory of what came last: the oldest entry goes when there are too many.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// The last entries, by key.
#[derive(Debug)]
pub(crate) struct RecentMap<K, V> {
    most: usize,
    entries: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Hash + Eq + Clone, V> RecentMap<K, V> {
    /// Returns an empty one that holds `most` entries.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, entries: HashMap::new(), order: VecDeque::new() }
    }

    /// Puts an entry in; one that was there keeps its place in the order. Returns what it held.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = self.entries.insert(key.clone(), value);
        if before.is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.most {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
        before
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.entries.contains_key(key)
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.entries.retain(|key, _| keep(key));
        self.order.retain(keep);
    }
}

/// The last keys.
#[derive(Debug)]
pub(crate) struct Recent<K>(RecentMap<K, ()>);

impl<K: Hash + Eq + Clone> Recent<K> {
    /// Returns an empty one that holds `most` keys.
    pub(crate) fn new(most: usize) -> Self {
        Self(RecentMap::new(most))
    }

    /// Puts a key in and returns whether it is new.
    pub(crate) fn insert(&mut self, key: K) -> bool {
        self.0.insert(key, ()).is_none()
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.0.contains(key)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.order.iter()
    }

    /// Forgets a key: it is new again.
    pub(crate) fn forget(&mut self, key: &K) {
        self.0.retain(|known| known != key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_goes_first() {
        let mut recent = RecentMap::new(2);
        for key in [1, 2, 1, 3] {
            recent.insert(key, key * 10);
        }
        assert_eq!((recent.get(&1), recent.get(&2), recent.get(&3)), (None, Some(&20), Some(&30)));
        recent.retain(|key| *key != 2);
        assert!(!recent.contains(&2) && recent.contains(&3));
    }

    #[test]
    fn a_key_is_new_once() {
        let mut recent = Recent::new(8);
        assert!(recent.insert("a") && !recent.insert("a") && recent.contains(&"a"));
        recent.forget(&"a");
        assert!(recent.insert("a"));
    }
}
