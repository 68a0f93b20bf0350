//! Where a value comes from: a variable, and the fields that lead to it.
//!
//! In Go these are slices, and a slice that is longer than another may share its memory with it. Estimates read a path again
//! after longer ones were made, so what they see is what was written last; and so it is here.

use std::cell::RefCell;
use std::rc::Rc;

/// A slice of names.
#[derive(Debug, Clone, Default)]
pub(super) struct Path {
    memory: Rc<RefCell<Vec<String>>>,
    length: usize,
    room: usize,
}

impl Path {
    /// A variable.
    pub(super) fn of(name: &str) -> Self {
        Self::default().append(name)
    }

    /// One name more.
    pub(super) fn append(&self, name: &str) -> Self {
        let length = self.length + 1;
        if self.length < self.room {
            let mut memory = self.memory.borrow_mut();
            match memory.get_mut(self.length) {
                Some(place) => name.clone_into(place),
                None => memory.push(name.to_owned()),
            }
            return Self {
                memory: self.memory.clone(),
                length,
                room: self.room,
            };
        }
        let mut names = self.names();
        names.push(name.to_owned());
        Self {
            memory: Rc::new(RefCell::new(names)),
            length,
            room: (self.room * 2).max(1),
        }
    }

    /// The names, the variable's first.
    pub(super) fn names(&self) -> Vec<String> {
        let memory = self.memory.borrow();
        memory.iter().take(self.length).cloned().collect()
    }
}

#[test]
fn a_longer_path_may_be_written_over() {
    let item = Path::of("self").append("list").append("@items");
    let first = item.append("a");
    assert_eq!(first.names(), ["self", "list", "@items", "a"]);
    let second = item.append("b");
    assert_eq!(first.names(), second.names());
    let other = second.append("c");
    assert_eq!(
        item.append("d").names().last().map(String::as_str),
        Some("d")
    );
    assert_eq!(other.names(), ["self", "list", "@items", "b", "c"]);
}
