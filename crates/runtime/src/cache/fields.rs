//! Field selectors that look at names alone, which can be told without the server.

use crate::resource::ObjectKey;

/// Whether a field selector selects an object of this name; `None` if it looks at more than names.
pub(super) fn selects(selector: &str, key: &ObjectKey) -> Option<bool> {
    let mut selected = true;
    for term in selector.split(',').filter(|term| !term.is_empty()) {
        let (field, value, equal) = if let Some((field, value)) = term.split_once("!=") {
            (field, value, false)
        } else {
            let (field, value) = term.split_once('=')?;
            (field, value.strip_prefix('=').unwrap_or(value), true)
        };
        let actual = match field.trim() {
            "metadata.name" => &key.name,
            "metadata.namespace" => &key.namespace,
            _ => return None,
        };
        selected &= (*actual == value.trim()) == equal;
    }
    Some(selected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_without_the_server_and_nothing_else_is() {
        let key = ObjectKey::new("team", "web");
        let cases = [
            (
                "metadata.namespace!=other,metadata.namespace!=third",
                Some(true),
            ),
            (
                "metadata.namespace!=other,metadata.namespace!=team",
                Some(false),
            ),
            ("metadata.name=web", Some(true)),
            ("metadata.name==web,metadata.namespace=other", Some(false)),
            ("metadata.namespace!=other,type!=Opaque", None),
            ("nonsense", None),
        ];
        for (selector, wanted) in cases {
            assert_eq!(selects(selector, &key), wanted, "{selector}");
        }
    }
}
