//! `tables.ndjson`: the columns of every kind, and the rows of objects that `defaults.ndjson` has whole.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use machinery::schema::TypeTable;
use serde_json::{Value, json};

use super::{Case, Outcome, lines};
use crate::apiserver::registry::{Backing, Served};
use crate::apiserver::resource::Resource;
use crate::apiserver::table::{TableOptions, table};
use crate::clock::WorldClock;

/// Kinds whose objects the controllers change at once, so that their rows say another thing than the object at first.
const MOVING: [&str; 8] = [
    "pods",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "replicationcontrollers",
    "nodes",
];

/// Replays the file in that directory: a case for the columns of each kind, and one for each row with a known object.
/// Rows of unknown objects are examples only, and skipped.
///
/// # Errors
/// If one of the files can't be read.
pub fn run(directory: &Path) -> std::io::Result<Vec<Case>> {
    let objects = lines(&directory.join("defaults.ndjson")).unwrap_or_default();
    let mut cases = Vec::new();
    for line in lines(&directory.join("tables.ndjson"))? {
        let Some(served) = served(&line) else {
            let outcome = Outcome::Failed("not served".to_owned());
            cases.push(Case {
                id: name(&line),
                outcome,
            });
            continue;
        };
        cases.push(Case {
            id: format!("{} columns", name(&line)),
            outcome: columns(&served, &line),
        });
        for row in list(&line, "rows") {
            cases.push(Case {
                id: format!("{} row {}", name(&line), text(row, "name")),
                outcome: compare_row(&served, &line, row, &objects),
            });
        }
    }
    Ok(cases)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn name(line: &Value) -> String {
    let (group, version) = (text(line, "group"), text(line, "version"));
    let separator = if group.is_empty() { "" } else { "/" };
    format!("{group}{separator}{version} {}", text(line, "resource"))
}

fn served(line: &Value) -> Option<Served> {
    let (group, version, plural) = (
        text(line, "group"),
        text(line, "version"),
        text(line, "resource"),
    );
    let types = TypeTable::builtin();
    let entry = types
        .resources()
        .iter()
        .find(|entry| entry.group == group && entry.version == version && entry.plural == plural)?;
    Some(Served {
        resource: Resource {
            group: group.to_owned().into(),
            version: version.to_owned().into(),
            kind: entry.kind.clone().into(),
            plural: plural.to_owned().into(),
            namespaced: entry.namespaced,
        },
        table: format!("{group}/{plural}").into(),
        storage_version: version.to_owned(),
        backing: Backing::Builtin {
            type_id: types.type_of(group, version, &entry.kind)?,
            entry,
        },
    })
}

/// Our table of these objects, as of ten minutes after the epoch.
fn ours(served: &Served, objects: &[Arc<Value>]) -> Result<Value, String> {
    let options = TableOptions {
        version: "v1".to_owned(),
        include_object: "None".to_owned(),
        headers: true,
    };
    let now = Timestamp::from_second(WorldClock::EPOCH_SECONDS + 600).unwrap_or_default();
    table(served, objects, &json!({}), &options, now).map_err(|error| error.message.clone())
}

fn columns(served: &Served, line: &Value) -> Outcome {
    let mut found = match ours(served, &[]) {
        Ok(mut table) => table
            .get_mut("columnDefinitions")
            .map(Value::take)
            .unwrap_or_default(),
        Err(error) => return Outcome::Failed(error),
    };
    for column in found.as_array_mut().into_iter().flatten() {
        if let Some(fields) = column.as_object_mut() {
            fields.remove("description");
        }
    }
    let expected = line.get("columnDefinitions").unwrap_or(&Value::Null);
    if found == *expected {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("expected {expected}, found {found}"))
    }
}

fn compare_row(served: &Served, line: &Value, row: &Value, objects: &[Value]) -> Outcome {
    if MOVING.contains(&served.resource.plural.as_ref()) {
        return Outcome::Skipped("rows of objects that controllers had changed");
    }
    let known = objects.iter().find(|object| {
        ["group", "version", "resource"]
            .iter()
            .all(|key| object.get(*key) == line.get(*key))
            && object.get("name") == row.get("name")
    });
    let Some(object) = known.and_then(|object| object.get("returned")) else {
        return Outcome::Skipped("rows without the object they show");
    };
    let table = match ours(served, &[Arc::new(object.clone())]) {
        Ok(table) => table,
        Err(error) => return Outcome::Failed(error),
    };
    let found = list(&table, "rows")
        .first()
        .map_or(&[][..], |row| list(row, "cells"));
    let expected = list(row, "cells");
    if found.len() != expected.len() {
        return Outcome::Failed(format!("expected cells {expected:?}, found {found:?}"));
    }
    let columns = list(line, "columnDefinitions")
        .iter()
        .map(|column| text(column, "name"));
    for ((found, expected), column) in found.iter().zip(expected).zip(columns) {
        if found != expected && !is_of_the_moment(served, column) {
            return Outcome::Failed(format!("{column}: expected {expected}, found {found}"));
        }
    }
    Outcome::Passed
}

/// Cells that say something about the moment, or that a controller wrote later.
fn is_of_the_moment(served: &Served, column: &str) -> bool {
    let later = match served.resource.plural.as_ref() {
        "namespaces" | "persistentvolumes" | "persistentvolumeclaims" => &["Status"][..],
        "poddisruptionbudgets" => &["Allowed Disruptions"],
        "resourcequotas" => &["Request", "Limit"],
        "services" => &["Cluster-IP", "Port(s)"],
        "events" => &["Last Seen", "First Seen"],
        "flowschemas" => &["MissingPL"],
        "certificatesigningrequests" => &["Requestor"],
        _ => &[],
    };
    column == "Age" || column == "Created At" || later.contains(&column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_rows_are_those_of_a_real_server() {
        let Some(directory) = super::super::recordings() else {
            return;
        };
        let cases = run(&directory).unwrap();
        let failed: Vec<&Case> = cases
            .iter()
            .filter(|case| matches!(case.outcome, Outcome::Failed(_)))
            .collect();
        assert_eq!(failed, Vec::<&Case>::new());
        let passed = cases
            .iter()
            .filter(|case| case.outcome == Outcome::Passed)
            .count();
        assert!(passed > 61 + 25, "only {passed} compared");
    }
}
