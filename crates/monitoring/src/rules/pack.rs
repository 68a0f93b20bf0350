//! Rule files in ConfigMaps.

use std::collections::BTreeMap;

use super::MOST_BYTES;

/// Files by name, put one after another into as few ConfigMaps as that order needs; there is always one. `bytes` says how long
/// a file is.
pub fn pack<T>(
    files: BTreeMap<String, T>,
    bytes: impl Fn(&T) -> usize,
) -> Vec<BTreeMap<String, T>> {
    let mut all = Vec::new();
    let mut current = BTreeMap::new();
    let mut size = 0;
    for (name, text) in files {
        let length = bytes(&text);
        if size + length > MOST_BYTES && !current.is_empty() {
            all.push(std::mem::take(&mut current));
            size = 0;
        }
        size += length;
        current.insert(name, text);
    }
    all.push(current);
    all
}

/// Names of that many ConfigMaps, or of `least`: those beyond are mounted as optional ones, so that pods needn't be replaced
/// when the rules grow.
pub fn config_map_names(prefix: &str, count: usize, least: usize) -> Vec<String> {
    (0..count.max(least))
        .map(|index| format!("{prefix}-rulefiles-{index}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_file_that_does_not_fit_begins_a_config_map() {
        let file = |size: usize| "x".repeat(size);
        let files = BTreeMap::from([
            ("a".to_owned(), file(MOST_BYTES - 10)),
            ("b".to_owned(), file(20)),
            ("c".to_owned(), file(5)),
        ]);
        let packed = pack(files, String::len);
        let names: Vec<Vec<&String>> = packed.iter().map(|map| map.keys().collect()).collect();
        assert_eq!(names, [vec!["a"], vec!["b", "c"]]);
        assert_eq!(pack(BTreeMap::new(), String::len).len(), 1);
        assert_eq!(config_map_names("prometheus-x", 1, 3).len(), 3);
    }
}
