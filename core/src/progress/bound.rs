//! Texts cut to a number of bytes without breaking a character, and assignments that tell whether they
//! changed anything and use memory again.

use std::borrow::{Borrow, Cow};

/// Returns the longest start of `text` that fits into `max` bytes.
pub(super) fn head(text: &str, max: usize) -> &str {
    text.split_at(text.floor_char_boundary(max)).0
}

/// Returns the longest end of `text` that fits into `max` bytes.
pub(super) fn tail(text: &str, max: usize) -> &str {
    text.split_at(text.ceil_char_boundary(text.len().saturating_sub(max))).1
}

/// Returns `text`, its start and `…` if it is longer than `max` bytes.
pub(super) fn clip(text: &str, max: usize) -> Cow<'_, str> {
    if text.len() <= max { text.into() } else { format!("{}…", head(text, max - "…".len())).into() }
}

/// Returns `text`, its start and its end with `…` on a line between if it is longer than `max` bytes.
pub(super) fn clip_middle(text: &str, max: usize) -> Cow<'_, str> {
    const MARK: &str = "\n…\n";
    if text.len() <= max {
        return text.into();
    }
    let half = (max - MARK.len()) / 2;
    format!("{}{MARK}{}", head(text, half), tail(text, half)).into()
}

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
