//! Which of several denials of one request is told. Policies and what binds them are kept in Go's maps, so of several that
//! say the same any one is named; here all that may be.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::normalise::pattern;

/// Denials that more than the binding that may deny can give: what can't be told to the audit log, and missing parameters.
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"ValidatingAdmissionPolicy '(?P<policy>[^']+)' with binding '(?P<binding>[^']+)' denied request: (?P<why>expression '(?P<expression>.+?)' resulted in error|failed to configure binding)",
    )
});

/// The policies and bindings of one sequence, as far as they say who may deny.
#[derive(Clone, Debug, Default)]
pub struct Denials {
    /// By name: its policy, and whether it denies what it has no parameters for.
    bindings: BTreeMap<String, (String, bool)>,
    /// What each policy tells the audit log.
    told: BTreeMap<String, BTreeSet<String>>,
}

impl Denials {
    /// Learns from an object, if it is one of these.
    pub fn learn(&mut self, object: &Value) {
        let text = |pointer: &str| {
            let found = object.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let name = text("/metadata/name");
        match object["kind"].as_str() {
            Some("ValidatingAdmissionPolicyBinding") => {
                let missing = text("/spec/paramRef/parameterNotFoundAction");
                let denies = missing == "Deny";
                self.bindings
                    .insert(name, (text("/spec/policyName"), denies));
            }
            Some("ValidatingAdmissionPolicy") => {
                let told = object.pointer("/spec/auditAnnotations");
                let told = told.and_then(Value::as_array).into_iter().flatten();
                let told = told.filter_map(|one| one["valueExpression"].as_str());
                self.told.insert(name, told.map(str::to_owned).collect());
            }
            Some(_) | None => {}
        }
    }

    /// A text in which a denial names all bindings that might have been told in its place.
    pub fn named(&self, text: &str) -> String {
        DENIED
            .replace_all(text, |found: &Captures| self.denial(found))
            .into_owned()
    }

    fn denial(&self, found: &Captures) -> String {
        let (policy, expression) = (&found["policy"], found.name("expression"));
        let may = |(of, denies): &(String, bool)| match expression {
            None => *denies,
            Some(expression) => {
                let told = self.told.get(policy);
                of == policy && told.is_some_and(|told| told.contains(expression.as_str()))
            }
        };
        let bindings = self.bindings.iter().filter(|(_, binding)| may(binding));
        let bindings: Vec<&str> = bindings.map(|(name, _)| name.as_str()).collect();
        if bindings.len() < 2 || !bindings.contains(&&found["binding"]) {
            return found[0].to_owned();
        }
        // Parameters are missing whatever the policy.
        let policy = expression.map_or("any", |_| policy);
        let (bindings, why) = (bindings.join("' or '"), &found["why"]);
        format!(
            "ValidatingAdmissionPolicy '{policy}' with binding '{bindings}' denied request: {why}"
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn denials() -> Denials {
        let mut denials = Denials::default();
        for (name, policy, missing) in [("b", "p", "Deny"), ("c", "p", "Allow"), ("d", "q", "Deny")]
        {
            denials.learn(
                &json!({"kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
                "spec": {"policyName": policy, "paramRef": {"parameterNotFoundAction": missing}}}),
            );
        }
        for (name, told) in [("p", "'a' + 1"), ("q", "2")] {
            denials.learn(
                &json!({"kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
                "spec": {"auditAnnotations": [{"key": "k", "valueExpression": told}]}}),
            );
        }
        denials
    }

    fn denial(policy: &str, binding: &str, why: &str) -> String {
        let text = format!(
            "ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {why}"
        );
        denials().named(&text)
    }

    #[test]
    fn which_binding_could_not_be_told_to_the_audit_log_is_chance() {
        let broken = "expression ''a' + 1' resulted in error: x";
        assert_eq!(denial("p", "b", broken), denial("p", "c", broken));
        assert_ne!(denial("p", "b", broken), denial("p", "d", broken));
        assert_ne!(denial("p", "b", broken), denial("q", "b", broken));
        let other = "expression ''a' + 2' resulted in error: x";
        assert_ne!(denial("p", "b", other), denial("p", "c", other));
        let single = "expression '2' resulted in error: x";
        assert!(denial("q", "d", single).contains("binding 'd'"));
    }

    #[test]
    fn which_parameters_are_missing_is_chance_where_that_denies() {
        let missing = "failed to configure binding: no params found";
        assert_eq!(denial("p", "b", missing), denial("q", "d", missing));
        assert_ne!(denial("p", "b", missing), denial("p", "c", missing));
        assert_ne!(denial("p", "b", "not so"), denial("q", "d", "not so"));
    }
}
