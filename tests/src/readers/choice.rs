//! Which readers are asked about a file.

use std::cmp::Ordering;

use monitoring::config::version::Version;

/// The readers to ask about a file for a version, the best first.
///
/// One of the same minor version is asked alone. Else the nearest is asked first, and then the nearest on the other side: the
/// earlier one lacks what came since, the later one what went.
pub fn nearest<'a, T>(
    readers: &'a [T],
    version: impl Fn(&T) -> &Version,
    wanted: &Version,
) -> Vec<&'a T> {
    let version = &version;
    let of_side = |side: Ordering| {
        let all = readers.iter();
        all.filter(move |one| minor(version(one)).cmp(&minor(wanted)) == side)
    };
    let patch = |one: &&T| version(one).patch.abs_diff(wanted.patch);
    if let Some(same) = of_side(Ordering::Equal).min_by_key(patch) {
        return vec![same];
    }
    let later = of_side(Ordering::Greater).min_by_key(|one| minor(version(one)));
    let earlier = of_side(Ordering::Less).max_by_key(|one| minor(version(one)));
    let mut found: Vec<&T> = [later, earlier].into_iter().flatten().collect();
    found.sort_by_key(|one| {
        let (major, minor) = minor(version(one));
        (major.abs_diff(wanted.major), minor.abs_diff(wanted.minor))
    });
    found
}

/// The readers of later minor versions than one, the earliest first.
pub(super) fn later<'a, T>(
    readers: &'a [T],
    version: impl Fn(&T) -> &Version,
    than: &Version,
) -> Vec<&'a T> {
    let found = readers
        .iter()
        .filter(|one| minor(version(one)) > minor(than));
    let mut found: Vec<&T> = found.collect();
    found.sort_by_key(|one| minor(version(one)));
    found
}

fn minor(version: &Version) -> (u64, u64) {
    (version.major, version.minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(of: &[&str], wanted: &str) -> Vec<String> {
        let version = |text: &&str| Version::parse(text).unwrap();
        let of: Vec<Version> = of.iter().map(version).collect();
        let found = nearest(&of, |one| one, &version(&wanted));
        found.into_iter().map(Version::to_string).collect()
    }

    #[test]
    fn the_same_minor_version_is_asked_alone_else_both_neighbours_the_nearer_first() {
        let three = ["2.42.0", "2.53.3", "3.5.3"];
        assert_eq!(chosen(&three, "v2.53.0"), ["2.53.3"]);
        assert_eq!(chosen(&three, "v3.5.0"), ["3.5.3"]);
        assert_eq!(chosen(&three, "v2.24.0"), ["2.42.0"]);
        assert_eq!(chosen(&three, "v3.13.2"), ["3.5.3"]);
        assert_eq!(chosen(&three, "v2.49.0"), ["2.53.3", "2.42.0"]);
        assert_eq!(chosen(&three, "v2.43.0"), ["2.42.0", "2.53.3"]);
        assert_eq!(chosen(&three, "v2.55.1"), ["2.53.3", "3.5.3"]);
        assert_eq!(chosen(&three, "v3.0.0"), ["3.5.3", "2.53.3"]);
        assert_eq!(chosen(&["2.42.0"], "v3.0.0"), ["2.42.0"]);
        assert_eq!(chosen(&[], "v3.0.0"), [""; 0]);
    }
}
