//! What a watch promises, whoever serves it: the guarantees that etcd's robustness tests hold, in terms of objects.
//!
//! Plain functions of what was written and what one watch was told; the same for every server.
use std::collections::BTreeSet;

use serde_json::Value;

use super::history::{Event, History, Sort, Start, State, Stream};

/// A property: `None`, or what contradicts it.
type Property = fn(&History, &Stream, &Told) -> Option<String>;

/// All of them, with the names they are reported under.
const PROPERTIES: [(&str, Property); 9] = [
    ("filtered", filtered),
    ("ordered", ordered),
    ("unique", unique),
    ("atomic", atomic),
    ("bookmarkable", bookmarkable),
    ("resumable", resumable),
    ("reliable", reliable),
    ("is-create", is_create),
    ("previous value", previous_value),
];

/// The events of a watch in two parts.
struct Told<'a> {
    /// Those of the state that it began with.
    state: &'a [Event],
    /// Those after it.
    changes: &'a [Event],
    /// What the changes come after.
    from: u64,
    /// Whether the first part is the whole state of one revision.
    consistent: bool,
}

/// What an event has to be.
struct Due<'a> {
    sort: Sort,
    revision: u64,
    name: &'a str,
    object: &'a Value,
}

/// The properties that a watch contradicts, each with what does.
pub fn violated(history: &History, stream: &Stream) -> Vec<String> {
    let told = told(history, stream);
    let found = PROPERTIES.iter().filter_map(|(name, property)| {
        property(history, stream, &told).map(|text| format!("not {name}: {text}"))
    });
    found.collect()
}

/// Parts the events: the state that a watch begins with is one there was.
fn told<'a>(history: &History, stream: &'a Stream) -> Told<'a> {
    let part = |at: usize, from: u64, consistent: bool| {
        let (state, changes) = stream.events.split_at(at.min(stream.events.len()));
        Told {
            state,
            changes,
            from,
            consistent,
        }
    };
    let oldest = match stream.start {
        Start::After(revision) => return part(0, revision, true),
        Start::State(oldest) => oldest.max(history.begin),
    };
    let end = stream
        .events
        .iter()
        .position(|event| event.sort == Sort::End);
    if let Some((at, event)) = end.and_then(|at| Some((at, stream.events.get(at)?))) {
        let state = selected(history.at(event.revision), stream);
        let (before, _) = stream.events.split_at(at);
        let consistent = event.revision >= oldest && is_state(before, &state, stream);
        return part(at, event.revision, consistent);
    }
    let later = history.changes.iter().map(|change| change.revision);
    let mut found = None;
    for revision in std::iter::once(oldest).chain(later.filter(|revision| *revision > oldest)) {
        let state = selected(history.at(revision), stream);
        let (first, rest) = stream.events.split_at(state.len().min(stream.events.len()));
        if is_state(first, &state, stream) {
            let due = due(history, stream, revision);
            let rest = rest.iter().filter(|event| event.is_change());
            // A state may have been at several revisions: what comes after it tells of which it is.
            let goes_on = rest
                .map(|event| event.revision)
                .eq(due.iter().map(|due| due.revision));
            found = Some(part(state.len(), revision, true));
            if goes_on {
                break;
            }
        }
    }
    if let Some(found) = found {
        return found;
    }
    let added = stream
        .events
        .iter()
        .take_while(|event| event.sort == Sort::Added);
    part(added.count(), oldest, false)
}

fn selected(mut state: State, stream: &Stream) -> State {
    state.retain(|_, object| stream.selection.matches(object));
    state
}

fn is_state(events: &[Event], state: &State, stream: &Stream) -> bool {
    events.len() == state.len()
        && events.iter().all(|event| {
            let object = state.get(event.name());
            event.sort == Sort::Added && object.is_some_and(|object| same(stream, event, object))
        })
}

/// Whether an event's object is that one, or its metadata.
fn same(stream: &Stream, event: &Event, object: &Value) -> bool {
    if stream.partial {
        event.object["metadata"] == object["metadata"]
    } else {
        event.object == *object
    }
}

/// What a watch has to be told of the changes after a revision.
fn due<'a>(history: &'a History, stream: &Stream, from: u64) -> Vec<Due<'a>> {
    let later = history.changes.iter().filter(|c| c.revision > from);
    let due = later.filter_map(|change| {
        let select = |object: &'a Option<Value>| {
            let object = object.as_ref();
            object.filter(|object| stream.selection.matches(object))
        };
        let (sort, object) = match (select(&change.before), select(&change.after)) {
            (None, None) => return None,
            (None, Some(after)) => (Sort::Added, after),
            (Some(_), Some(after)) => (Sort::Modified, after),
            (Some(before), None) => (Sort::Deleted, before),
        };
        Some(Due {
            sort,
            revision: change.revision,
            name: &change.name,
            object,
        })
    });
    due.collect()
}

fn of<'a>(due: &'a [Due], event: &Event) -> Option<&'a Due<'a>> {
    let mut due = due.iter();
    due.find(|due| due.revision == event.revision && due.name == event.name())
}

fn changes<'a>(told: &'a Told) -> impl Iterator<Item = &'a Event> {
    told.changes.iter().filter(|event| event.is_change())
}

/// Nothing is told that isn't selected, neither before nor after.
fn filtered(history: &History, stream: &Stream, told: &Told) -> Option<String> {
    let due = due(history, stream, 0);
    for event in told.state.iter().chain(changes(told)) {
        let within = match history.change(event.revision) {
            Some(_) => of(&due, event).is_some(),
            // It was there before.
            None => stream.selection.matches(&event.object) || stream.partial,
        };
        if !within {
            return Some(format!("{} at {}", event.name(), event.revision));
        }
    }
    None
}

/// Nothing is told after what came later.
fn ordered(_: &History, _: &Stream, told: &Told) -> Option<String> {
    let mut last = told.from;
    for event in changes(told) {
        if event.revision < last {
            return Some(format!("{} after {last}", event.revision));
        }
        last = event.revision;
    }
    None
}

/// Nothing is told twice.
fn unique(_: &History, _: &Stream, told: &Told) -> Option<String> {
    let (mut names, mut revisions) = (BTreeSet::new(), BTreeSet::new());
    let twice = told.state.iter().find(|event| !names.insert(event.name()));
    let again = changes(told).find(|event| !revisions.insert(event.revision));
    twice
        .or(again)
        .map(|event| format!("{} at {}", event.name(), event.revision))
}

/// A change is told whole, as one event; so is a state, as it was at one revision.
fn atomic(history: &History, stream: &Stream, told: &Told) -> Option<String> {
    if !told.consistent {
        return Some("the state at first is none there was".to_owned());
    }
    let partly = changes(told).find(|event| {
        let change = history.change(event.revision);
        let after = change.and_then(|change| change.after.as_ref());
        // What a deletion tells is another property's.
        event.sort != Sort::Deleted && !after.is_some_and(|after| same(stream, event, after))
    });
    partly.map(|event| format!("{} at {}", event.name(), event.revision))
}

/// A bookmark comes after everything up to its revision, and before everything later.
fn bookmarkable(history: &History, stream: &Stream, told: &Told) -> Option<String> {
    let due = due(history, stream, told.from);
    for (at, event) in told
        .changes
        .iter()
        .enumerate()
        .filter(|(_, event)| !event.is_change())
    {
        if event.sort == Sort::End && (at > 0 || !matches!(stream.start, Start::State(_))) {
            return Some(format!("a second end at {}", event.revision));
        }
        if !stream.bookmarks {
            return Some(format!("one that nobody wants, at {}", event.revision));
        }
        let (before, after) = told.changes.split_at(at);
        let promised = due.iter().filter(|due| due.revision <= event.revision);
        for due in promised {
            if !before.iter().any(|event| event.revision == due.revision) {
                return Some(format!("{} comes before {}", event.revision, due.revision));
            }
        }
        let before = before
            .iter()
            .find(|before| before.revision > event.revision);
        if let Some(before) = before {
            return Some(format!(
                "{} comes after {}",
                event.revision, before.revision
            ));
        }
        if let Some(late) = after
            .iter()
            .find(|e| e.is_change() && e.revision <= event.revision)
        {
            return Some(format!("{} comes before {}", event.revision, late.revision));
        }
    }
    let wanted = stream.bookmarks && matches!(stream.start, Start::State(_));
    let ended = told
        .changes
        .first()
        .is_some_and(|event| event.sort == Sort::End);
    (wanted && !ended && stream.whole).then(|| "the state has no end".to_owned())
}

/// A watch from a revision goes on with the first change after it.
fn resumable(history: &History, stream: &Stream, told: &Told) -> Option<String> {
    let first = changes(told).next()?;
    if first.revision <= told.from {
        return Some(format!("{} from {}", first.revision, told.from));
    }
    let due = due(history, stream, told.from);
    let due = due.first().filter(|due| due.revision < first.revision)?;
    Some(format!(
        "from {} with {}, not {}",
        told.from, first.revision, due.revision
    ))
}

/// Nothing is left out: between two events, and up to the last change if there was time.
fn reliable(history: &History, stream: &Stream, told: &Told) -> Option<String> {
    let events: BTreeSet<u64> = changes(told).map(|event| event.revision).collect();
    let last = events.last().copied().unwrap_or_default();
    let due = due(history, stream, told.from);
    let missing = due
        .iter()
        .find(|due| (stream.whole || due.revision < last) && !events.contains(&due.revision));
    missing.map(|due| format!("{} at {}", due.name, due.revision))
}

/// ADDED is what wasn't selected before, MODIFIED what was and still is, DELETED what is no longer.
fn is_create(history: &History, stream: &Stream, told: &Told) -> Option<String> {
    let due = due(history, stream, told.from);
    let other =
        changes(told).find(|event| of(&due, event).is_some_and(|due| due.sort != event.sort));
    let other = other.or_else(|| told.state.iter().find(|event| event.sort != Sort::Added));
    other.map(|event| format!("{} at {} is {:?}", event.name(), event.revision, event.sort))
}

/// What is told of a deletion is the last state, with the deletion's revision.
fn previous_value(history: &History, stream: &Stream, told: &Told) -> Option<String> {
    let due = due(history, stream, told.from);
    let mut deleted = changes(told).filter(|event| event.sort == Sort::Deleted);
    let other = deleted.find(|event| {
        of(&due, event).is_some_and(|due| {
            let mut last = due.object.clone();
            last["metadata"]["resourceVersion"] = event.revision.to_string().into();
            !same(stream, event, &last)
        })
    });
    other.map(|event| format!("{} at {}", event.name(), event.revision))
}

#[cfg(test)]
mod tests {
    use super::super::history::{Change, Selection};
    use super::*;
    use serde_json::json;

    fn object(name: &str, revision: u64, side: &str) -> Value {
        json!({"metadata": {"name": name, "resourceVersion": revision.to_string(), "labels": {"side": side}}, "data": revision})
    }

    /// a is created at 2, in; changed at 4, and at 6 leaves; b is created at 7, out, and enters at 8; a is deleted at 9, b at
    /// 11.
    fn history() -> History {
        let change = |revision, name: &str, before: Option<Value>, after: Option<Value>| Change {
            revision,
            name: name.to_owned(),
            before,
            after,
        };
        let a = |revision, side| Some(object("a", revision, side));
        let b = |revision, side| Some(object("b", revision, side));
        History {
            begin: 1,
            first: State::new(),
            changes: vec![
                change(2, "a", None, a(2, "in")),
                change(4, "a", a(2, "in"), a(4, "in")),
                change(6, "a", a(4, "in"), a(6, "out")),
                change(7, "b", None, b(7, "out")),
                change(8, "b", b(7, "out"), b(8, "in")),
                change(9, "a", a(6, "out"), None),
                change(11, "b", b(8, "in"), None),
            ],
        }
    }

    fn event(sort: Sort, revision: u64, name: &str, side: &str, data: u64) -> Event {
        let mut object = object(name, revision, side);
        object["data"] = data.into();
        Event {
            sort,
            revision,
            object,
        }
    }

    fn bookmark(sort: Sort, revision: u64) -> Event {
        Event {
            sort,
            revision,
            object: json!({"metadata": {"resourceVersion": revision.to_string()}}),
        }
    }

    /// As it has to be, of what is in, from the state at 5 on.
    fn stream() -> Stream {
        let selector = [("labelSelector".to_owned(), "side=in".to_owned())];
        Stream {
            step: 0,
            start: Start::State(3),
            bookmarks: true,
            partial: false,
            whole: true,
            selection: Selection::of(&selector.into()).expect("a selector"),
            events: vec![
                event(Sort::Added, 4, "a", "in", 4),
                bookmark(Sort::End, 5),
                event(Sort::Deleted, 6, "a", "in", 4),
                event(Sort::Added, 8, "b", "in", 8),
                bookmark(Sort::Bookmark, 10),
                event(Sort::Deleted, 11, "b", "in", 8),
            ],
        }
    }

    fn found(plant: impl FnOnce(&mut Stream)) -> Vec<String> {
        let mut stream = stream();
        plant(&mut stream);
        violated(&history(), &stream)
    }

    #[test]
    fn what_is_right_contradicts_nothing() {
        assert_eq!(found(|_| {}), Vec::<String>::new());
        // From a revision on, and with metadata alone.
        let resumed = found(|stream| {
            stream.start = Start::After(4);
            stream.partial = true;
            stream.events.drain(..2);
            for event in &mut stream.events {
                event.object["data"] = Value::Null;
            }
        });
        assert_eq!(resumed, Vec::<String>::new());
        // Without any bookmark the state can be seen all the same.
        let bare = found(|stream| {
            stream.bookmarks = false;
            stream.events.retain(Event::is_change);
        });
        assert_eq!(bare, Vec::<String>::new());
    }

    #[test]
    fn each_property_is_contradicted_by_what_is_planted() {
        type Plant = fn(&mut Stream);
        let plants: [(&str, Plant); 14] = [
            ("filtered", |stream| {
                let event = event(Sort::Added, 7, "b", "out", 7);
                stream.events.insert(3, event);
            }),
            ("ordered", |stream| stream.events.swap(2, 3)),
            ("unique", |stream| {
                stream.events.insert(3, stream.events[2].clone());
            }),
            ("atomic", |stream| {
                stream.events[3].object["data"] = 7.into();
            }),
            ("atomic", |stream| {
                stream.events[0].object["data"] = 2.into();
            }),
            ("atomic", |stream| drop(stream.events.remove(0))),
            ("bookmarkable", |stream| stream.events.swap(3, 4)),
            ("bookmarkable", |stream| stream.events.swap(4, 5)),
            ("bookmarkable", |stream| drop(stream.events.remove(1))),
            ("bookmarkable", |stream| stream.bookmarks = false),
            ("resumable", |stream| {
                stream.start = Start::After(5);
                stream.events.drain(..3);
            }),
            ("reliable", |stream| drop(stream.events.remove(3))),
            ("is-create", |stream| stream.events[3].sort = Sort::Modified),
            ("previous value", |stream| {
                stream.events[2] = event(Sort::Deleted, 6, "a", "out", 6);
            }),
        ];
        for (number, (property, plant)) in plants.into_iter().enumerate() {
            let found = found(plant);
            let expected = format!("not {property}: ");
            assert!(
                found.iter().any(|text| text.starts_with(&expected)),
                "plant {number}, {property}: {found:?}"
            );
        }
    }

    #[test]
    fn a_watch_that_ends_early_or_is_told_of_the_past_is_found() {
        let early = found(|stream| drop(stream.events.pop()));
        assert_eq!(early, ["not reliable: b at 11"]);
        let past = found(|stream| {
            stream.start = Start::After(6);
            stream.events.drain(..2);
        });
        assert!(
            past.contains(&"not resumable: 6 from 6".to_owned()),
            "{past:?}"
        );
    }
}
