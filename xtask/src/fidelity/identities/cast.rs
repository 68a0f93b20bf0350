//! The people of a sequence and what they may do.
use serde_json::{Map, Value, json};

use crate::fidelity::area::Chance;
use crate::fidelity::sequence::Step;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// Verbs of rules.
pub const VERBS: [&str; 12] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "*",
    "use",
    "escalate",
    "bind",
];
/// Groups of rules.
pub const GROUPS: [&str; 6] = [
    "",
    "",
    "apps",
    "rbac.authorization.k8s.io",
    "*",
    "example.com",
];
/// Resources of rules.
pub const RESOURCES: [&str; 14] = [
    "pods",
    "pods",
    "pods/log",
    "pods/*",
    "*/scale",
    "*",
    "deployments",
    "deployments/scale",
    "configmaps",
    "secrets",
    "roles",
    "rolebindings",
    "serviceaccounts/token",
    "clusterroles",
];
/// Names of objects.
pub const NAMES: [&str; 4] = ["a", "b", "robot", "${ns}-a"];
/// Paths that no role of everybody's names.
pub const PATHS: [&str; 5] = ["/metrics", "/debug/*", "/debug/pprof", "/logs", "*"];

/// Whom requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The administrator.
    Admin,
    /// A user with a binding.
    Jane,
    /// Somebody in a group with a binding.
    Staff,
    /// Somebody whose role doesn't exist.
    Lost,
    /// Nobody.
    Anonymous,
    /// A `ServiceAccount`, by its name.
    Robot,
    /// The same, by its token.
    Bearer,
}

impl Actor {
    const ALL: [Self; 9] = [
        Self::Admin,
        Self::Jane,
        Self::Jane,
        Self::Jane,
        Self::Staff,
        Self::Lost,
        Self::Anonymous,
        Self::Robot,
        Self::Bearer,
    ];

    /// One of them.
    pub fn any(chance: &mut Chance) -> Self {
        chance.pick(&Self::ALL)
    }

    /// Its user name.
    pub fn user(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Jane => "${ns}-jane",
            Self::Staff => "${ns}-somebody",
            Self::Lost => "${ns}-lost",
            Self::Anonymous => "system:anonymous",
            Self::Robot | Self::Bearer => "system:serviceaccount:${ns}:robot",
        }
    }

    /// A request of its.
    pub fn sends(self, step: Step) -> Step {
        match self {
            Self::Admin => step,
            Self::Bearer => step.header("authorization", BEARER),
            Self::Staff => step
                .header("impersonate-user", self.user())
                .header("impersonate-group", "${ns}-staff"),
            Self::Jane | Self::Lost | Self::Anonymous | Self::Robot => {
                step.header("impersonate-user", self.user())
            }
        }
    }
}

/// The account's token, from [`enters`].
pub const TOKEN: &str = "${6:/status/token}";
/// The header with it.
pub const BEARER: &str = "Bearer ${6:/status/token}";

/// The cast as steps that only prepare: an account, a role in the namespace and one of the cluster, with these rules, and
/// who has them.
pub fn enters(local: Vec<Value>, global: Vec<Value>, chance: &mut Chance) -> Vec<Step> {
    let core = "/api/v1/namespaces/${ns}";
    let own = format!("{RBAC}/namespaces/${{ns}}");
    let post = |target: String, object: Value| Step::new("POST", target).json(&object).prepare();
    let mut subjects = vec![
        json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": Actor::Jane.user()}),
    ];
    if chance.once_in(2) {
        subjects.push(json!({"kind": "Group", "name": "${ns}-staff"}));
    }
    subjects.push(json!({"kind": "ServiceAccount", "name": "robot", "namespace": "${ns}"}));
    chance.shuffle(&mut subjects);
    vec![
        post(
            format!("{core}/serviceaccounts"),
            json!({"metadata": {"name": "robot"}}),
        ),
        post(
            format!("{own}/roles"),
            json!({"metadata": {"name": "local"}, "rules": marked(local, "local")}),
        ),
        post(
            format!("{RBAC}/clusterroles"),
            json!({"metadata": {"name": "${ns}-global"}, "rules": marked(global, "global")}),
        ),
        post(
            format!("{own}/rolebindings"),
            json!({"metadata": {"name": "lost"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gone"},
                "subjects": [{"kind": "User", "name": Actor::Lost.user()}]}),
        ),
        post(
            format!("{own}/rolebindings"),
            json!({"metadata": {"name": "local"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "local"},
                "subjects": subjects}),
        ),
        post(
            format!("{RBAC}/clusterrolebindings"),
            json!({"metadata": {"name": "${ns}-global"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "${ns}-global"},
                "subjects": subjects}),
        ),
        post(format!("{core}/serviceaccounts/robot/token"), json!({})),
        seen("local"),
        seen("global"),
    ]
}

/// Rules with one that nothing else gives: who has it has the others too.
fn marked(mut rules: Vec<Value>, name: &str) -> Vec<Value> {
    rules.push(json!({"apiGroups": ["marks.example.com"], "resources": [name], "verbs": ["see"]}));
    rules
}

/// Waits until a role and its binding have reached the authoriser.
fn seen(mark: &str) -> Step {
    let asked = json!({"namespace": "${ns}", "verb": "see", "group": "marks.example.com", "resource": mark});
    let body = json!({"spec": {"user": Actor::Jane.user(), "resourceAttributes": asked}});
    Step::new("POST", REVIEWS)
        .json(&body)
        .until("/status/allowed", true)
}

/// Some of them, at least one, in the order of the list.
pub fn some(of: &[&str], most: usize, chance: &mut Chance) -> Vec<String> {
    let count = 1 + chance.below(most);
    let mut all: Vec<String> = (0..count).map(|_| chance.pick(of).to_owned()).collect();
    all.dedup();
    all
}

/// A rule by chance; `paths` also about paths.
pub fn rule(paths: bool, chance: &mut Chance) -> Value {
    if paths && chance.once_in(4) {
        return json!({"nonResourceURLs": some(&PATHS, 2, chance), "verbs": some(&["get", "post", "*"], 2, chance)});
    }
    let mut rule = Map::new();
    rule.insert("apiGroups".to_owned(), json!(some(&GROUPS, 2, chance)));
    rule.insert("resources".to_owned(), json!(some(&RESOURCES, 3, chance)));
    if chance.once_in(4) {
        rule.insert("resourceNames".to_owned(), json!(some(&NAMES, 2, chance)));
    }
    rule.insert("verbs".to_owned(), json!(some(&VERBS, 3, chance)));
    rule.into()
}

/// A few rules by chance.
pub fn rules(most: usize, paths: bool, chance: &mut Chance) -> Vec<Value> {
    (0..=chance.below(most))
        .map(|_| rule(paths, chance))
        .collect()
}
