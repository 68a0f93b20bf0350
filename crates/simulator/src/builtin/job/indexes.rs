//! Completion indexes of Indexed Jobs, and their text form `0,2-4`.
//!
//! Mirrors `pkg/controller/job/indexed_job_utils.go`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::builtin::object::{self, annotation, items, text};

/// Annotation and label with a pod's completion index.
pub(crate) const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The completion index of a pod, if it has a valid one.
pub(crate) fn index_of(pod: &Value, completions: i64) -> Option<i64> {
    annotation(pod, INDEX)?
        .parse()
        .ok()
        .filter(|i| (0..completions).contains(i))
}

/// Some completion indexes, as intervals: there may be as many as `spec.completions` says, which may be any number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Indexes {
    /// First and last index of each; they don't touch.
    intervals: BTreeMap<i64, i64>,
}

impl Indexes {
    /// Reads `0,2-4`; what can't be read or is beyond the completions is left out.
    pub(crate) fn parse(text: &str, completions: i64) -> Self {
        let interval = |part: &str| -> Option<(i64, i64)> {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        let mut indexes = Self::default();
        for (first, last) in text.split(',').filter_map(interval) {
            indexes.add(first, last.min(completions.saturating_sub(1)));
        }
        indexes
    }

    /// Adds an interval; none if its end is before its start.
    fn add(&mut self, mut first: i64, mut last: i64) {
        if first > last {
            return;
        }
        while let Some((start, end)) = self.before(last.saturating_add(1))
            && end >= first.saturating_sub(1)
        {
            self.intervals.remove(&start);
            first = first.min(start);
            last = last.max(end);
        }
        self.intervals.insert(first, last);
    }

    /// The last interval that begins at an index or before it.
    fn before(&self, index: i64) -> Option<(i64, i64)> {
        let (first, last) = self.intervals.range(..=index).next_back()?;
        Some((*first, *last))
    }

    /// Whether an index is among them.
    pub(crate) fn contains(&self, index: i64) -> bool {
        self.before(index).is_some_and(|(_, last)| last >= index)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// How many they are.
    pub(crate) fn count(&self) -> i64 {
        let lengths = self.intervals.iter().map(|(first, last)| last - first + 1);
        lengths.sum()
    }

    /// How many are among others too.
    pub(crate) fn count_common(&self, others: &Self) -> i64 {
        let common = |(first, last): (&i64, &i64)| -> i64 {
            let overlapping = others.intervals.range(..=*last).rev();
            overlapping
                .take_while(|(_, end)| *end >= first)
                .map(|(start, end)| end.min(last) - start.max(first) + 1)
                .sum()
        };
        self.intervals.iter().map(common).sum()
    }

    /// These and others.
    pub(crate) fn and(mut self, others: &Self) -> Self {
        for (first, last) in &others.intervals {
            self.add(*first, *last);
        }
        self
    }

    /// The indexes below the completions that are not among them, in order.
    pub(crate) fn missing(self, completions: i64) -> impl Iterator<Item = i64> {
        let mut next = 0;
        let ends = self.intervals.into_iter();
        ends.chain([(completions, completions)])
            .flat_map(move |(first, last)| {
                let gap = next..first.min(completions);
                next = last.saturating_add(1);
                gap
            })
    }
}

impl Extend<i64> for Indexes {
    fn extend<T: IntoIterator<Item = i64>>(&mut self, indexes: T) {
        for index in indexes {
            self.add(index, index);
        }
    }
}

impl FromIterator<i64> for Indexes {
    fn from_iter<T: IntoIterator<Item = i64>>(indexes: T) -> Self {
        let mut made = Self::default();
        made.extend(indexes);
        made
    }
}

/// `0,2-4`; two neighbours are listed, more are a range.
impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (first, last)) in self.intervals.iter().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            match last - first {
                0 => write!(f, "{first}"),
                1 => write!(f, "{first},{last}"),
                _ => write!(f, "{first}-{last}"),
            }?;
        }
        Ok(())
    }
}

/// Gives a pod of an Indexed Job its index: annotation, label, hostname, generated name, environment.
pub(crate) fn assign(pod: &mut Value, job: &str, index: i64) {
    let number = json!(index.to_string());
    object::set(pod, &["metadata", "annotations", INDEX], number.clone());
    object::set(pod, &["metadata", "labels", INDEX], number);
    object::set(
        pod,
        &["metadata", "generateName"],
        json!(format!("{job}-{index}-")),
    );
    object::set(pod, &["spec", "hostname"], json!(format!("{job}-{index}")));
    for list in ["initContainers", "containers"] {
        let mut containers: Vec<Value> = items(pod, &format!("/spec/{list}")).to_vec();
        for container in &mut containers {
            let mut env: Vec<Value> = items(container, "/env").to_vec();
            if env
                .iter()
                .all(|e| text(e, "/name") != "JOB_COMPLETION_INDEX")
            {
                let path = format!("metadata.labels['{INDEX}']");
                env.push(json!({"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": {"fieldPath": path}}}));
                object::set(container, &["env"], json!(env));
            }
        }
        if !containers.is_empty() {
            object::set(pod, &["spec", list], json!(containers));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::builtin::job::outcome::length;

    #[test]
    fn indexes_are_written_as_intervals() {
        let indexes: Indexes = [7, 0, 2, 6, 3, 5].into_iter().collect();
        assert_eq!(indexes.to_string(), "0,2,3,5-7");
        assert_eq!(Indexes::parse("0,2,3,5-7,x,90,4-1", 8), indexes);
        assert_eq!(Indexes::parse("", 8), Indexes::default());
        assert_eq!(Indexes::default().to_string(), "");
    }

    #[test]
    fn intervals_grow_together() {
        let mut indexes = Indexes::parse("10-19,40-49,30-39", 100);
        assert_eq!(indexes.to_string(), "10-19,30-49");
        indexes.extend([20, 29, 15]);
        assert_eq!(indexes.to_string(), "10-20,29-49");
        let all = indexes.and(&Indexes::parse("5-60", 58));
        assert_eq!(all.to_string(), "5-57");
    }

    /// What the intervals say is what a set of all the numbers says.
    #[test]
    fn intervals_are_as_good_as_numbers() {
        for seed in 0_i64..500 {
            let of = |factor: i64| (0..12_i64).filter(move |i| (seed * factor + i * i) % 7 < 4);
            let (one, other): (BTreeSet<i64>, BTreeSet<i64>) = (of(1).collect(), of(3).collect());
            let indexes: Indexes = one.iter().rev().copied().collect();
            let others: Indexes = other.iter().copied().collect();
            assert_eq!(indexes.count(), length(one.len()));
            assert_eq!(indexes.is_empty(), one.is_empty());
            let common = one.intersection(&other).count();
            assert_eq!(indexes.count_common(&others), length(common));
            assert!((-1..13).all(|i| indexes.contains(i) == one.contains(&i)));
            let both: Indexes = one.union(&other).copied().collect();
            assert_eq!(indexes.clone().and(&others), both);
            let missing = (0..9).filter(|i| !one.contains(i));
            assert!(indexes.missing(9).eq(missing));
        }
    }

    #[test]
    fn any_number_of_indexes_is_one_interval() {
        let all = i64::from(i32::MAX);
        let indexes = Indexes::parse("0-2147483645", all);
        assert_eq!(indexes.count(), all - 1);
        assert!(indexes.contains(all - 2) && !indexes.contains(all - 1));
        assert_eq!(indexes.count_common(&indexes), all - 1);
        assert!(indexes.missing(all).eq([all - 1]));
        let whole = Indexes::parse(&format!("0-{}", i64::MAX), i64::MAX);
        assert_eq!(whole.missing(i64::MAX).next(), None);
    }
}
