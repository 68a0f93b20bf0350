//! The order of managedFields' entries.
//!
//! A server sorts them by time first, in seconds, so that two writes in one second or in two give two orders. Where time is
//! chance the entries stand in the order of their texts; the area `apply`, which lets a second pass between writes, compares
//! their order too.

const FIELD: &str = "managedFields";

/// A body, or a message that quotes one, with the entries of each object in the order of their texts.
pub fn in_order(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(FIELD) {
        let (before, after) = rest.split_at(at + FIELD.len());
        out.push_str(before);
        rest = after;
        let colon = after.trim_start_matches(['\\', '"']);
        let value = colon.strip_prefix(':').map(str::trim_start);
        if let Some((inner, end)) = value.and_then(|value| Some((value, end_of_list(value)?))) {
            let (list, after_list) = inner.split_at(end);
            out.push_str(after.strip_suffix(inner).unwrap_or_default());
            out.push_str(&sorted_list(list));
            rest = after_list;
        } else if let Some(lines) = colon.strip_prefix(":\n") {
            let indent = before.len() - before.trim_end_matches(FIELD).len();
            let margin = before.rsplit('\n').next().map_or(0, str::len) - indent;
            let (block, after_block) = lines.split_at(end_of_block(lines, margin));
            out.push_str(after.strip_suffix(lines).unwrap_or_default());
            out.push_str(&sorted_block(block, margin));
            rest = after_block;
        }
    }
    out.push_str(rest);
    out
}

/// The length of a JSON list that a text begins with.
fn end_of_list(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > 0).then_some(at + 1);
        }
    }
    None
}

/// The places of the objects of a JSON list.
fn objects(list: &str) -> Vec<std::ops::Range<usize>> {
    let (mut depth, mut begin, mut found) = (0_usize, 0, Vec::new());
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'{' => {
                if depth == 0 {
                    begin = at;
                }
                depth += 1;
            }
            b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    found.push(begin..at + 1);
                }
            }
            _ => {}
        }
    }
    found
}

fn sorted_list(list: &str) -> String {
    let places = objects(list);
    let entry = |place: &std::ops::Range<usize>| list.get(place.clone()).unwrap_or_default();
    let mut entries: Vec<&str> = places.iter().map(entry).collect();
    entries.sort_unstable();
    let (mut out, mut end) = (String::with_capacity(list.len()), 0);
    for (place, entry) in places.iter().zip(entries) {
        out.push_str(list.get(end..place.start).unwrap_or_default());
        out.push_str(entry);
        end = place.end;
    }
    out.push_str(list.get(end..).unwrap_or_default());
    out
}

/// The length of a YAML list of blocks, whose dashes are not left of `margin`.
fn end_of_block(lines: &str, margin: usize) -> usize {
    let inside = |line: &&str| {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        indent > margin || (indent == margin && text.starts_with("- "))
    };
    lines
        .split_inclusive('\n')
        .take_while(inside)
        .map(str::len)
        .sum()
}

fn sorted_block(block: &str, margin: usize) -> String {
    let mut entries: Vec<String> = Vec::new();
    for line in block.split_inclusive('\n') {
        let dash = line
            .get(margin..)
            .is_some_and(|text| text.starts_with("- "));
        match entries.last_mut() {
            Some(entry) if !dash => entry.push_str(line),
            Some(_) | None => entries.push(line.to_owned()),
        }
    }
    entries.sort_unstable();
    entries.concat()
}

#[test]
fn entries_stand_in_the_order_of_their_texts_and_nothing_else_moves() {
    let entry =
        |manager: &str| format!(r#"{{"manager":"{manager}","fieldsV1":{{"k:{{\"x\":1}}":{{}}}}}}"#);
    let body = |first: &str, second: &str| {
        format!(r#"{{"metadata":{{"managedFields":[{first},{second}],"name":"z"}},"a":[2,1]}}"#)
    };
    let (a, b) = (entry("a"), entry("b"));
    assert_eq!(in_order(&body(&b, &a)), body(&a, &b));
    assert_eq!(in_order(&body(&a, &b)), body(&a, &b));
    let quoted = |text: String| format!("invalid: {text:?}: no");
    assert_eq!(in_order(&quoted(body(&b, &a))), quoted(body(&a, &b)));
    let first = "  - manager: a\n    time: 1\n";
    let second = "  - manager: b\n";
    let yaml = |one: &str, two: &str| format!("metadata:\n  managedFields:\n{one}{two}  name: z\n");
    assert_eq!(in_order(&yaml(second, first)), yaml(first, second));
    assert_eq!(
        in_order(r#"{"managedFields":null,"b":1}"#),
        r#"{"managedFields":null,"b":1}"#
    );
}
