//! One rule of a role, and what it allows (`pkg/apis/rbac/v1/evaluation_helpers.go`).

use serde_json::Value;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes<'a> {
    /// Verb: `get`, `list`, `create`, …; of a path the method in small letters.
    pub verb: &'a str,
    /// With what.
    pub object: Asked<'a>,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A resource of the API.
    Resource(ResourceAsked<'a>),
    /// Any other path.
    Path(&'a str),
}

/// A resource of the API, or objects of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResourceAsked<'a> {
    /// API group, empty for core.
    pub group: &'a str,
    /// Plural name.
    pub resource: &'a str,
    /// Subresource, or empty.
    pub subresource: &'a str,
    /// Namespace, empty for all and for none.
    pub namespace: &'a str,
    /// Name, empty for all.
    pub name: &'a str,
}

impl Attributes<'_> {
    /// The namespace that is asked about, empty for none.
    pub fn namespace(&self) -> &str {
        match self.object {
            Asked::Resource(resource) => resource.namespace,
            Asked::Path(_) => "",
        }
    }
}

/// One rule of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Verbs; `*` is every one.
    pub verbs: Vec<String>,
    /// API groups; `*` is every one, `""` is core.
    pub api_groups: Vec<String>,
    /// Resources: `pods`, `pods/log`, `*/scale`, `*`.
    pub resources: Vec<String>,
    /// Names the rule is limited to; none for all.
    pub resource_names: Vec<String>,
    /// Paths outside resources; a `*` at the end is any rest.
    pub paths: Vec<String>,
}

impl Rule {
    /// A rule as it stands in a role.
    pub fn of(rule: &Value) -> Self {
        let texts = |field: &str| {
            let items = rule.get(field).and_then(Value::as_array);
            let texts = items.into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        };
        Self {
            verbs: texts("verbs"),
            api_groups: texts("apiGroups"),
            resources: texts("resources"),
            resource_names: texts("resourceNames"),
            paths: texts("nonResourceURLs"),
        }
    }

    /// The rule as it stands in a role.
    pub fn to_value(&self) -> Value {
        let fields = [
            ("apiGroups", &self.api_groups),
            ("resources", &self.resources),
            ("resourceNames", &self.resource_names),
            ("nonResourceURLs", &self.paths),
            ("verbs", &self.verbs),
        ];
        let fields = fields.into_iter().filter(|(_, texts)| !texts.is_empty());
        fields
            .map(|(name, texts)| (name.to_owned(), Value::from(texts.clone())))
            .collect()
    }

    /// All rules of a role.
    pub fn all(role: &Value) -> Vec<Self> {
        let rules = role.get("rules").and_then(Value::as_array);
        rules.into_iter().flatten().map(Self::of).collect()
    }

    /// Whether the rule allows that.
    pub fn allows(&self, wanted: &Attributes<'_>) -> bool {
        has(&self.verbs, wanted.verb)
            && match wanted.object {
                Asked::Path(path) => self.paths.iter().any(|own| path_matches(own, path)),
                Asked::Resource(resource) => {
                    has(&self.api_groups, resource.group)
                        && self.resources.iter().any(|own| {
                            resource_matches(own, resource.resource, resource.subresource)
                        })
                        && (self.resource_names.is_empty()
                            || self.resource_names.iter().any(|own| own == resource.name))
                }
            }
    }

    /// The rule on one line, as messages have it (`CompactString`).
    pub fn compact(&self) -> String {
        let fields = [
            ("APIGroups", &self.api_groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.paths),
            ("ResourceNames", &self.resource_names),
            ("Verbs", &self.verbs),
        ];
        let parts: Vec<String> = fields
            .iter()
            .filter(|(_, texts)| !texts.is_empty())
            .map(|(name, texts)| format!("{name}:{}", go_strings(texts)))
            .collect();
        format!("{{{}}}", parts.join(", "))
    }
}

/// A list of texts as Go's `%q` prints it.
pub(crate) fn go_strings(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

fn has(own: &[String], wanted: &str) -> bool {
    own.iter().any(|own| own == "*" || own == wanted)
}

/// Whether `pods`, `pods/log`, `*/scale` or `*` stands for a resource and its subresource.
fn resource_matches(own: &str, resource: &str, subresource: &str) -> bool {
    if own == "*" {
        return true;
    }
    match own.split_once('/') {
        None => own == resource && subresource.is_empty(),
        Some((parent, below)) => {
            !subresource.is_empty() && below == subresource && (parent == "*" || parent == resource)
        }
    }
}

/// Whether a path of a rule stands for a path.
pub(crate) fn path_matches(own: &str, path: &str) -> bool {
    own == path
        || own
            .ends_with('*')
            .then(|| own.trim_end_matches('*'))
            .is_some_and(|start| path.starts_with(start))
}
