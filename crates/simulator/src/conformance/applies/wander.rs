//! Sequences without a plan: three managers do to one field whatever chance has them do.

use machinery::entropy::Entropy;
use serde_json::{Value, json};

use super::{MERGE, Object, Step};

/// How many requests follow the first apply.
const STEPS: usize = 6;

impl Object<'_> {
    /// The first manager creates the object; then anybody does anything.
    pub(super) fn wander(&self, chance: &mut Entropy) -> Vec<Step> {
        let first = self.wandered(chance, false);
        let mut steps = vec![self.a(first.as_ref())];
        for _ in 0..STEPS {
            let step = self.any(chance);
            steps.push(step);
        }
        steps
    }

    fn any(&self, chance: &mut Entropy) -> Step {
        let who = ['a', 'b', 'c'];
        let who = pick(chance, &who).unwrap_or('a');
        let way = chance.below(20);
        let value = self.wandered(chance, way < 14);
        let value = value.as_ref();
        // The first manager is the one whose configuration has all an object needs.
        let body = if who == 'a' {
            self.whole(value)
        } else {
            self.part(value)
        };
        match way {
            0..=9 => self.apply(who, body),
            10..=13 => self.force(who, body),
            14..=16 => self.patch(who, MERGE, self.part(value)),
            17 => self.put(who, self.whole(value)),
            _ => {
                let path = self.subject.pointer();
                let operation = match value {
                    Some(value) => json!([{"op": "add", "path": path, "value": value}]),
                    None => json!([{"op": "remove", "path": path}]),
                };
                self.patch(who, "application/json-patch+json", operation)
            }
        }
    }

    /// A value of the field; `odd` ones are nobody's intention.
    fn wandered(&self, chance: &mut Entropy, odd: bool) -> Option<Value> {
        let subject = &self.subject;
        let one = |value: Option<Value>| value.unwrap_or_else(|| subject.base.clone());
        match chance.below(if odd { 14 } else { 10 }) {
            0..=2 => Some(subject.base.clone()),
            3..=4 => Some(subject.other.clone()),
            5..=6 => Some(subject.more.clone()),
            7 => Some(one(subject.turned())),
            8 => Some(one(subject.empty())),
            9 | 10 => None,
            11 => Some(one(subject.twice())),
            12 => Some(Value::Null),
            _ => Some(subject.mistyped()),
        }
    }
}

fn pick<T: Clone>(chance: &mut Entropy, of: &[T]) -> Option<T> {
    let index = usize::try_from(chance.below(of.len() as u64)).unwrap_or_default();
    of.get(index).cloned()
}
