//! What the rules of a schema may cost by estimate (`apis/apiextensions/validation/{validation,cel_validation}.go`).

use machinery::builtin::validation::FieldError;

/// The most one rule may cost, times how often it may run.
pub(super) const COST: u64 = 10_000_000;
/// The most all rules of a schema may cost together.
const TOTAL: u64 = 100_000_000;
/// So many of the most expensive rules are told.
const TOLD: usize = 4;

/// The cost of all rules.
#[derive(Debug, Default)]
pub(super) struct Total {
    cost: u64,
    /// The most expensive first; what is cheap is not among them.
    rules: Vec<(u64, String)>,
}

impl Total {
    /// One rule more, by its path.
    pub(super) fn add(&mut self, field: String, cost: u64) {
        self.cost = self.cost.saturating_add(cost);
        if cost >= TOTAL / 100 {
            self.rules.push((cost, field));
            self.rules.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
            self.rules.truncate(TOLD);
        }
    }

    /// Errors if it is too much for the schema at that path.
    pub(super) fn errors(self, path: &str, errors: &mut Vec<FieldError>) {
        if self.cost <= TOTAL {
            return;
        }
        for (_, field) in self.rules {
            let detail = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
            errors.push(FieldError::forbidden(field, detail));
        }
        let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        let detail = too_expensive(what, self.cost, TOTAL);
        errors.push(FieldError::forbidden(path, detail));
    }
}

/// What is said of a cost over its limit.
#[expect(clippy::cast_precision_loss, reason = "a factor for people")]
pub(super) fn too_expensive(what: &str, cost: u64, limit: u64) -> String {
    let times = cost as f64 / limit as f64;
    let factor = if times > 100.0 {
        "more than 100x".to_owned()
    } else if times < 1.5 {
        format!("{times:.6}x")
    } else {
        format!("{times:.1}x")
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and \
         maxLength where arrays, maps, and strings are declared)"
    )
}

#[test]
fn factors_are_told_as_exactly_as_they_matter() {
    let told = |cost| {
        too_expensive("a", cost, 10)
            .split(" (")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(told(11), "a exceeds budget by factor of 1.100000x");
    assert_eq!(told(26), "a exceeds budget by factor of 2.6x");
    assert_eq!(told(1001), "a exceeds budget by factor of more than 100x");
}
