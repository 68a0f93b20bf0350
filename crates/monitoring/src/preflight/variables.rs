//! What the config-reloader puts into a configuration before its program reads it: `$(NAME)` becomes the value of a variable of
//! the container. A variable that isn't set stays as it is written, with upstream's reloader too.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

/// Variables that every config-reloader has, and a value such as theirs are.
const OURS: [(&str, &str); 7] = [
    ("SHARD", "0"),
    ("INZONE_SHARD", "0"),
    ("STATEFULSET_ORDINAL_NUMBER", "0"),
    ("POD_NAME", "a"),
    ("NODE_NAME", "a"),
    ("TOPOLOGY_ZONE", "a"),
    ("HOSTNAME", "a"),
];

/// The containers that put variables in.
const RELOADERS: [&str; 2] = ["config-reloader", "init-config-reloader"];

/// Which variables are put into a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variables {
    /// None: nobody puts any into this file.
    None,
    /// Those that every config-reloader has, and these, whose values nobody here knows.
    Known(BTreeSet<String>),
    /// Any, as their names are in objects that nobody here reads.
    Any,
}

impl Default for Variables {
    fn default() -> Self {
        Self::Known(BTreeSet::new())
    }
}

impl Variables {
    /// Those that the containers of a workload, as its user wrote them, add for its config-reloaders.
    pub fn of<'a>(containers: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut names = BTreeSet::new();
        for container in containers {
            let name = container.get("name").and_then(Value::as_str);
            if !name.is_some_and(|name| RELOADERS.contains(&name)) {
                continue;
            }
            let list = |key: &str| container.get(key).and_then(Value::as_array);
            if list("envFrom").is_some_and(|from| !from.is_empty()) {
                return Self::Any;
            }
            let env = list("env").into_iter().flatten();
            let theirs = env.filter_map(|one| one.get("name")?.as_str());
            names.extend(theirs.map(str::to_owned));
        }
        Self::Known(names)
    }

    fn value(&self, name: &str) -> Variable {
        match self {
            Self::Any => return Variable::Anything,
            Self::Known(names) if names.contains(name) || is_of_a_service(name) => {
                return Variable::Anything;
            }
            Self::Known(_) | Self::None => {}
        }
        let ours = OURS.iter().find(|(ours, _)| *ours == name);
        ours.map_or(Variable::Unset, |(_, value)| Variable::Like(value))
    }

    /// A text as the program will read it, as far as that can be known.
    pub(super) fn expanded<'a>(&self, text: &'a str) -> Expanded<'a> {
        let mut expanded = Expanded {
            text: Cow::Borrowed(text),
            is_open: false,
            unset: Vec::new(),
        };
        if *self == Self::None || !text.contains("$(") {
            return expanded;
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("$(") {
            out.push_str(before);
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = after.find(|c| !is_part(c)).unwrap_or(after.len());
            let (name, behind) = after.split_at(end);
            rest = after;
            let Some(behind) = behind.strip_prefix(')').filter(|_| !name.is_empty()) else {
                out.push_str("$(");
                continue;
            };
            rest = behind;
            match self.value(name) {
                Variable::Like(value) => out.push_str(value),
                Variable::Anything => expanded.is_open = true,
                Variable::Unset => {
                    out.push_str("$(");
                    out.push_str(name);
                    out.push(')');
                    expanded.unset.push(name);
                }
            }
        }
        out.push_str(rest);
        if out != text {
            expanded.text = Cow::Owned(out);
        }
        expanded
    }
}

/// What is known of a variable.
enum Variable {
    /// It has a value such as this.
    Like(&'static str),
    /// It may have any.
    Anything,
    Unset,
}

/// Whether Kubernetes sets such a variable for a Service.
fn is_of_a_service(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST") || name.contains("_PORT")
}

/// A text with values of variables.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expanded<'a> {
    /// The text, without what stands for variables whose values aren't known.
    pub(super) text: Cow<'a, str>,
    /// Whether there are such.
    pub(super) is_open: bool,
    /// Variables that nobody sets.
    unset: Vec<&'a str>,
}

impl Expanded<'_> {
    /// Whether it differs from what was written.
    pub(super) fn is_other(&self) -> bool {
        matches!(self.text, Cow::Owned(_))
    }

    /// What is wrong with it, and which variables may be meant to cure it.
    pub(super) fn told(&self, why: String) -> String {
        if self.unset.is_empty() {
            return why;
        }
        let names = self.unset.join(", ");
        format!("{why} (the config-reloader has no variable {names} to put in)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_found_as_the_reloader_finds_them() {
        let ours = Variables::default();
        for (text, wanted) in [
            ("a", "a"),
            ("$(SHARD)-$(POD_NAME)", "0-a"),
            ("$($(SHARD))", "$(0)"),
            ("$(POD_$(SHARD)", "$(POD_0"),
            ("$$(SHARD)$1$(", "$0$1$("),
            ("$( SHARD)$()$(A-B)", "$( SHARD)$()$(A-B)"),
            ("$(ä)$(NO)", "$(ä)$(NO)"),
        ] {
            let expanded = ours.expanded(text);
            assert_eq!((expanded.text.as_ref(), expanded.is_open), (wanted, false));
            assert_eq!(expanded.is_other(), text != wanted);
            assert_eq!(Variables::None.expanded(text).text, text);
        }
        let unset = ours.expanded("$(NO) $(SHARD) $(NEITHER)");
        assert_eq!(
            unset.told("no".to_owned()),
            "no (the config-reloader has no variable NO, NEITHER to put in)"
        );
        assert!(ours.expanded("$(WEB_SERVICE_HOST)").is_open);
    }

    #[test]
    fn variables_of_the_users_may_have_any_value() {
        let container = |name: &str, more: &str, list: Value| json!({"name": name, more: list});
        let env = json!([{"name": "REGION", "value": "x"}]);
        let known = Variables::of(&[
            container("prometheus", "env", json!([{"name": "OTHER"}])),
            container("config-reloader", "env", env),
        ]);
        assert!(known.expanded("$(REGION)").is_open);
        assert!(!known.expanded("$(OTHER)").is_open);
        let from = json!([{"configMapRef": {"name": "c"}}]);
        let any = Variables::of(&[container("init-config-reloader", "envFrom", from)]);
        assert!(any.expanded("$(OTHER)").is_open);
        assert!(!any.expanded("$(OTHER").is_open);
    }
}
