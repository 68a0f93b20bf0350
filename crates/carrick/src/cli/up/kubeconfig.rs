//! A kubeconfig that was there before: what its owner wrote into it stays, our own entries are brought up to date.

use std::net::SocketAddr;

use machinery::yaml;
use serde_json::{Map, Value, json};

/// The text of a kubeconfig with our entries as in `fresh` and everything else as in `found`; `fresh` where `found` is none.
pub(super) fn renewed(found: &str, fresh: &str) -> String {
    let first = |text: &str| {
        let documents = yaml::parse_documents(text).ok()?;
        documents.into_iter().next()
    };
    match (first(found), first(fresh)) {
        (Some(found), Some(fresh)) if found.get("clusters").is_some_and(Value::is_array) => {
            yaml::to_string(&merged(&found, &fresh))
        }
        _ => fresh.to_owned(),
    }
}

/// Where the servers of a kubeconfig listen, if it says so by numbers.
pub(super) fn servers(text: &str) -> Vec<SocketAddr> {
    let documents = yaml::parse_documents(text).unwrap_or_default();
    let clusters = documents.iter().flat_map(|one| entries(one, "clusters"));
    let address = |cluster: Value| {
        let server = cluster.pointer("/cluster/server")?.as_str()?;
        server.strip_prefix("https://")?.parse().ok()
    };
    clusters.filter_map(address).collect()
}

fn merged(found: &Value, fresh: &Value) -> Value {
    let mut merged = found.clone();
    let Some(fields) = merged.as_object_mut() else {
        return fresh.clone();
    };
    for (list, about) in [
        ("clusters", "cluster"),
        ("contexts", "context"),
        ("users", "user"),
    ] {
        let mut all = entries(found, list);
        for own in entries(fresh, list) {
            match all
                .iter_mut()
                .find(|one| one.get("name") == own.get("name"))
            {
                None => all.push(own),
                Some(old) if about == "context" => {
                    // The namespace is its owner's to choose.
                    let mut context = inside(old, about);
                    context.extend(inside(&own, about));
                    *old = json!({"name": own.get("name"), about: context});
                }
                Some(old) => *old = own,
            }
        }
        fields.insert(list.to_owned(), Value::Array(all));
    }
    for (key, value) in fresh.as_object().into_iter().flatten() {
        let is_set = fields
            .get(key)
            .is_some_and(|old| !old.is_null() && old.as_str() != Some(""));
        if !is_set {
            fields.insert(key.clone(), value.clone());
        }
    }
    merged
}

fn entries(config: &Value, list: &str) -> Vec<Value> {
    let list = config.get(list).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn inside(entry: &Value, about: &str) -> Map<String, Value> {
    let inside = entry.get(about).and_then(Value::as_object);
    inside.cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(port: u16) -> Value {
        json!({"apiVersion": "v1", "kind": "Config", "current-context": "carrick",
            "clusters": [{"name": "carrick", "cluster": {"server": format!("https://127.0.0.1:{port}")}}],
            "contexts": [{"name": "carrick", "context": {"cluster": "carrick", "user": "admin"}}],
            "users": [{"name": "admin", "user": {"token": "t"}}]})
    }

    #[test]
    fn a_kubeconfig_says_where_its_server_is() {
        let text = yaml::to_string(&config(7443));
        assert_eq!(servers(&text), [SocketAddr::from(([127, 0, 0, 1], 7443))]);
        let named = text.replace("127.0.0.1", "localhost");
        assert_eq!(servers(&named), []);
        assert_eq!(servers("{"), []);
    }

    #[test]
    fn what_its_owner_wrote_stays() {
        let mut found = config(1);
        found["contexts"][0]["context"]["namespace"] = json!("team");
        found["users"] = json!([{"name": "jane", "user": {"token": "j"}}, {"name": "admin", "user": {"token": "old"}}]);
        found["current-context"] = json!("mine");
        let new = merged(&found, &config(2));
        assert_eq!(new["current-context"], "mine");
        assert_eq!(
            new["contexts"][0]["context"],
            json!({"cluster": "carrick", "user": "admin", "namespace": "team"})
        );
        assert_eq!(
            new["users"],
            json!([{"name": "jane", "user": {"token": "j"}}, {"name": "admin", "user": {"token": "t"}}])
        );
        assert_eq!(new["clusters"], config(2)["clusters"]);
    }

    #[test]
    fn what_is_no_kubeconfig_is_replaced() {
        let fresh = "clusters: []\n";
        for found in ["", "nonsense", "a: [", "{}"] {
            assert_eq!(renewed(found, fresh), fresh);
        }
        let found = yaml::to_string(&config(1));
        assert_eq!(renewed(&found, &found), found);
    }
}
