//! Relabeling rules (`model/relabel/relabel.go`).

use machinery::yaml::Ordered;

use super::Reader;
use super::client::refuse;
use super::fault::Fault;
use super::shape::{Node, Shape, Struct, field, nothing};
use crate::selection::relabel::{is_label_template, is_legacy_name};

const ACTIONS: &[&str] = &[
    "replace",
    "keep",
    "drop",
    "keepequal",
    "dropequal",
    "hashmod",
    "labelmap",
    "labeldrop",
    "labelkeep",
    "lowercase",
    "uppercase",
];

static RULE: Struct = Struct {
    fields: &[&[
        field("source_labels", Shape::List(&Shape::LabelName)),
        field("separator", Shape::Text),
        field("regex", Shape::Pattern),
        field("modulus", Shape::Unsigned),
        field("target_label", Shape::Text),
        field("replacement", Shape::Text),
        field("action", Shape::AnyCase(ACTIONS)),
    ]],
    check: nothing,
};

/// A list of rules.
pub(super) const RULES: Shape = Shape::List(&Shape::Struct(&RULE));

/// Which names of labels and metrics there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Letters, digits and underscores.
    Legacy,
    /// Any text.
    Utf8,
}

impl Scheme {
    /// The scheme of rules: that of the job since 3.7, before that of the version.
    pub(super) fn of_rules(self, reader: &Reader) -> Self {
        if reader.supports((3, 7, 0)) {
            self
        } else if reader.version.major >= 3 {
            Self::Utf8
        } else {
            Self::Legacy
        }
    }

    fn is_name(self, name: &str) -> bool {
        match self {
            Self::Legacy => is_legacy_name(name),
            Self::Utf8 => !name.is_empty(),
        }
    }

    fn is_template(self, text: &str) -> bool {
        match self {
            Self::Legacy => is_label_template(text),
            Self::Utf8 => !text.is_empty(),
        }
    }
}

/// What must hold within each rule of a list.
pub(super) fn check_rules(
    of: Node<'_>,
    name: &str,
    scheme: Scheme,
    reader: &Reader,
) -> Result<(), Fault> {
    let scheme = scheme.of_rules(reader);
    for (index, rule) in of.list(name).iter().enumerate() {
        check_rule(Node::of(rule), scheme, reader).map_err(|fault| fault.at(index).within(name))?;
    }
    Ok(())
}

fn check_rule(rule: Node<'_>, scheme: Scheme, reader: &Reader) -> Result<(), Fault> {
    // A key that is there wins over the default, even if it is empty.
    let given = |name: &str, default: &'static str| {
        if rule.present(name) {
            rule.text(name).into_owned()
        } else {
            default.to_owned()
        }
    };
    let action = given("action", "replace").to_lowercase();
    if action.is_empty() {
        return refuse("relabel action cannot be empty");
    }
    let is = |names: &[&str]| names.contains(&action.as_str());
    let equality = is(&["keepequal", "dropequal"]);
    let letters = is(&["lowercase", "uppercase"]);
    if equality && !reader.supports((2, 41, 0)) || letters && !reader.supports((2, 36, 0)) {
        return refuse(&format!("unknown relabel action {action:?}"));
    }
    let modulus = rule.number("modulus").unwrap_or_default();
    if is(&["hashmod"]) && modulus < 1.0 {
        return refuse("relabel configuration for hashmod requires non-zero modulus");
    }
    let target = rule.text("target_label");
    if is(&["replace", "hashmod"]) || equality || letters {
        if target.is_empty() {
            return refuse(&format!(
                "relabel configuration for {action} action requires 'target_label' value"
            ));
        }
        // Only names that replace and letters write may refer to groups, letters only as long as names were checked alike.
        let templated = is(&["replace"]) || ((equality || letters) && reader.version.major < 3);
        let valid = scheme.is_name(&target) || (templated && scheme.is_template(&target));
        if !valid {
            return refuse(&format!(
                "{target:?} is invalid 'target_label' for {action} action"
            ));
        }
    }
    let replacement = given("replacement", "$1");
    if (equality || letters) && replacement != "$1" {
        return refuse(&format!("'replacement' can not be set for {action} action"));
    }
    if is(&["labelmap"]) && !scheme.is_template(&replacement) {
        return refuse(&format!(
            "{replacement:?} is invalid 'replacement' for {action} action"
        ));
    }
    let more = modulus >= 1.0 || given("separator", ";") != ";" || replacement != "$1";
    if equality && (more || rule.present("regex")) {
        return refuse(&format!(
            "{action} action requires only 'source_labels' and `target_label`, and no other fields"
        ));
    }
    let sources = matches!(rule.get("source_labels"), Some(Ordered::List(_)));
    if is(&["labeldrop", "labelkeep"]) && (more || sources || !target.is_empty()) {
        return refuse(&format!(
            "{action} action requires only 'regex', and no other fields"
        ));
    }
    Ok(())
}
