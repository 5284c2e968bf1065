//! Values in order of arrival, bounded, each found by its names.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use super::WINDOW;
use super::name::Name;

/// Values in order of arrival, each found by its names.
#[derive(Debug)]
pub(super) struct Queue<T> {
    values: VecDeque<([Option<Name>; 2], Option<T>)>,
    /// Numbers count from the first value that ever was; this is that of the first still there.
    first: u64,
    by_name: HashMap<Name, u64>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { values: VecDeque::new(), first: 0, by_name: HashMap::new() }
    }
}

impl<T: Copy> Queue<T> {
    /// Adds a value.
    pub(super) fn push(&mut self, names: [Option<Name>; 2], value: T) {
        let number = self.first + self.values.len() as u64;
        for name in names.into_iter().flatten() {
            self.by_name.insert(name, number);
        }
        self.values.push_back((names, Some(value)));
    }

    pub(super) fn get(&mut self, name: &Name) -> Option<&mut T> {
        self.by_name.get(name).copied().and_then(|number| self.place(number)?.as_mut())
    }

    /// Takes a value out. Its names go when its turn comes.
    pub(super) fn take(&mut self, name: &Name) -> Option<T> {
        self.by_name.get(name).copied().and_then(|number| self.place(number)?.take())
    }

    /// Where the value of that number is, unless it has left.
    fn place(&mut self, number: u64) -> Option<&mut Option<T>> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.values.get_mut(index).map(|(_, value)| value)
    }

    /// Takes the oldest value when `is_due` says so, or when there are too many. Taken ones are passed over.
    pub(super) fn pop_if(&mut self, is_due: impl Fn(&T) -> bool) -> Option<T> {
        loop {
            let (_, value) = self.values.front()?;
            if value.as_ref().is_some_and(|value| !is_due(value)) && self.values.len() <= WINDOW {
                return None;
            }
            let (names, value) = self.values.pop_front()?;
            for name in names.into_iter().flatten() {
                remove_if(&mut self.by_name, name, &self.first);
            }
            self.first += 1;
            if value.is_some() {
                return value;
            }
        }
    }
}

#[cfg(test)]
impl<T> Queue<T> {
    /// Values, and names of values.
    pub(super) fn lengths(&self) -> (usize, usize) {
        (self.values.len(), self.by_name.len())
    }
}

/// Removes the entry of a name, if it still has that value.
pub(super) fn remove_if<V: PartialEq>(map: &mut HashMap<Name, V>, name: Name, value: &V) {
    if let Entry::Occupied(entry) = map.entry(name)
        && entry.get() == value
    {
        entry.remove();
    }
}
