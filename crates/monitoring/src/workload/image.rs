//! Image references (upstream's `pkg/operator/image.go` and the grammar of `distribution/reference`).

use std::sync::LazyLock;

use regex::Regex;

use super::WorkloadError;

/// What an image reference is made of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Image<'a> {
    /// Taken as it is, if set.
    pub(super) verbatim: Option<&'a str>,
    /// Image without tag; taken as it is if it has a tag or digest.
    pub(super) base: &'a str,
    /// Tag of last resort.
    pub(super) version: &'a str,
    /// Tag, before the version.
    pub(super) tag: Option<&'a str>,
    /// SHA-256 digest, before all tags.
    pub(super) sha: Option<&'a str>,
}

/// The text if it says something, else the other one.
pub(super) fn or<'a>(text: Option<&'a str>, other: &'a str) -> &'a str {
    text.filter(|text| !text.trim().is_empty()).unwrap_or(other)
}

impl Image<'_> {
    /// The reference.
    pub(super) fn reference(self) -> Result<String, WorkloadError> {
        if let Some(image) = self.verbatim.filter(|image| !image.trim().is_empty()) {
            return Ok(image.to_owned());
        }
        let base = self.base;
        let named = Named::parse(base).map_err(|why| {
            WorkloadError(format!("couldn't parse image reference {base:?}: {why}"))
        })?;
        if named.complete {
            return Ok(base.to_owned());
        }
        if let Some(sha) = self.sha.filter(|sha| !sha.trim().is_empty()) {
            return Ok(format!("{base}@sha256:{sha}"));
        }
        if let Some(tag) = self.tag.filter(|tag| !tag.trim().is_empty()) {
            if !TAG.is_match(tag) {
                return Err(WorkloadError("invalid tag format".to_owned()));
            }
            return Ok(format!("{}:{tag}", named.name));
        }
        if self.version.is_empty() {
            return Err(WorkloadError(
                "couldn't generate an image reference since version is empty".to_owned(),
            ));
        }
        Ok(format!("{base}:{}", self.version))
    }
}

/// A reference with its registry written out.
struct Named {
    /// Registry and path.
    name: String,
    /// It has a tag or a digest.
    complete: bool,
}

/// Matches nothing, should a pattern not compile; the tests see each of them match.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

struct Pattern(LazyLock<Option<Regex>>);

impl Pattern {
    fn is_match(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

static TAG: Pattern = Pattern(LazyLock::new(|| {
    pattern(r"^[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}$")
}));
static DIGEST: Pattern = Pattern(LazyLock::new(|| {
    pattern(r"^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$")
}));
static COMPONENT: Pattern = Pattern(LazyLock::new(|| {
    pattern(r"^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$")
}));
static REGISTRY: Pattern = Pattern(LazyLock::new(|| {
    pattern(
        r"^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$",
    )
}));

impl Named {
    fn parse(text: &str) -> Result<Self, String> {
        const INVALID: &str = "invalid reference format";
        if text.len() == 64
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(format!(
                "invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
            ));
        }
        let (registry, rest) = split_registry(text);
        let path = rest.split(':').next().unwrap_or_default();
        if path.to_lowercase() != path {
            return Err(format!(
                "{INVALID}: repository name ({path}) must be lowercase"
            ));
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (rest.as_str(), None),
        };
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        let valid = REGISTRY.is_match(&registry)
            && path
                .split('/')
                .all(|component| COMPONENT.is_match(component))
            && tag.is_none_or(|tag| TAG.is_match(tag))
            && digest.is_none_or(|digest| DIGEST.is_match(digest));
        if !valid {
            return Err(INVALID.to_owned());
        }
        Ok(Self {
            name: format!("{registry}/{path}"),
            complete: tag.is_some() || digest.is_some(),
        })
    }
}

/// Registry and the rest, with Docker's defaults.
fn split_registry(text: &str) -> (String, String) {
    let (registry, rest) = match text.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.to_lowercase() != first =>
        {
            (first, rest)
        }
        _ => ("docker.io", text),
    };
    let registry = if registry == "index.docker.io" {
        "docker.io"
    } else {
        registry
    };
    let rest = if registry == "docker.io" && !rest.contains('/') {
        format!("library/{rest}")
    } else {
        rest.to_owned()
    };
    (registry.to_owned(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image<'a>(base: &'a str, tag: Option<&'a str>, sha: Option<&'a str>) -> Image<'a> {
        Image {
            base,
            version: "v1.0.0",
            tag,
            sha,
            verbatim: None,
        }
    }

    #[test]
    fn the_most_exact_wins_and_only_a_tag_writes_the_registry_out() {
        let made = |base, tag, sha| image(base, tag, sha).reference().unwrap();
        assert_eq!(made("prom/x", None, None), "prom/x:v1.0.0");
        assert_eq!(made("prom/x", Some("t"), None), "docker.io/prom/x:t");
        assert_eq!(made("x", Some("t"), Some(" ")), "docker.io/library/x:t");
        assert_eq!(made("prom/x", Some("t"), Some("ab")), "prom/x@sha256:ab");
        assert_eq!(made("host:5000/x:t", Some("u"), None), "host:5000/x:t");
        assert_eq!(made("host:5000/x", Some("u"), None), "host:5000/x:u");
        let digest = format!("quay.io/a/b@sha256:{}", "0".repeat(64));
        assert_eq!(made(&digest, Some("u"), None), digest);
        let verbatim = Image {
            verbatim: Some("what Ever"),
            ..image("", None, None)
        };
        assert_eq!(verbatim.reference().unwrap(), "what Ever");
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for base in [
            "",
            "up/X",
            "quay.io/Up",
            "a b",
            "x:",
            "quay.io//x",
            "x@sha256:12",
        ] {
            let refused = image(base, None, None).reference().unwrap_err().to_string();
            assert!(
                refused.starts_with(&format!("couldn't parse image reference {base:?}: invalid")),
                "{refused}"
            );
        }
        assert!(image("x", Some("a/b"), None).reference().is_err());
    }
}
