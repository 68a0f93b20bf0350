//! Answers of a real API server.

use machinery::builtin::defaults;
use machinery::decode::normalise;
use machinery::schema::TypeTable;
use serde_json::Value;

use super::case::{read_lines, same};
use super::registry::Registry;

/// Everything that is replayed.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.table("defaults.ndjson", |path| {
        let lines = read_lines(path)?;
        Ok(lines
            .iter()
            .map(|line| (name(line), default(line)))
            .collect())
    });
    registry.skip(
        "tables.ndjson",
        "tables are replayed by the simulator's own tests",
    );
    registry.skip(
        "errors.ndjson",
        "errors are replayed by the simulator's own tests",
    );
    registry.skip("README.md", "no data");
    registry
}

fn name(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    format!("{}/{} {}", text("group"), text("kind"), text("name"))
}

/// Defaults of a pod template; what a server adds on creation, labels of a Job among it, is left to the simulator.
fn default(line: &Value) -> Result<(), String> {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    let (group, version, kind) = (text("group"), text("version"), text("kind"));
    let ty = TypeTable::builtin()
        .type_of(group, version, kind)
        .ok_or("unknown kind")?;
    let mut ours = normalise(ty, &line["sent"]).map_err(|error| error.to_string())?;
    defaults::apply(group, version, kind, &mut ours);
    let ours = normalise(ty, &ours).map_err(|error| error.to_string())?;
    let placed = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('<'));
    let template = |value: &Value| value.pointer("/template/spec").cloned().unwrap_or_default();
    let (theirs, ours) = (template(&line["returned"]["spec"]), template(&ours["spec"]));
    if placed(&theirs) {
        Ok(())
    } else {
        same("spec.template.spec", &theirs, &ours)
    }
}
