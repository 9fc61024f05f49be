//! Assignments that tell whether they changed anything, and use memory again.

use std::borrow::Borrow;

/// Makes `place` equal to `value`, and returns whether it was not.
pub(super) fn assign<T, V>(place: &mut T, value: &V) -> bool
where
    T: Borrow<V>,
    V: ToOwned<Owned = T> + PartialEq + ?Sized,
{
    let differs = (*place).borrow() != value;
    if differs {
        value.clone_into(place);
    }
    differs
}

/// Makes `place` hold `value`, and returns whether it did not.
pub(super) fn set<T: Clone + PartialEq>(place: &mut Option<T>, value: &T) -> bool {
    let differs = place.as_ref() != Some(value);
    if differs {
        match place {
            Some(held) => held.clone_from(value),
            None => *place = Some(value.clone()),
        }
    }
    differs
}
