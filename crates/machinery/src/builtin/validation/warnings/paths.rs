//! Warnings of volumes whose files lie in each other's way (`warningsForOverlappingVirtualPaths` of
//! `kubernetes/pkg/api/pod/warnings.go`).

use std::fmt;

use super::super::read::At;

/// A file of a volume and where it comes from, if that needs to be told.
#[derive(Clone, PartialEq, Eq)]
struct File<'a> {
    path: &'a str,
    source: String,
}

impl fmt::Display for File<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.path)?;
        if self.source.is_empty() {
            return Ok(());
        }
        write!(out, " ({})", self.source)
    }
}

impl File<'_> {
    /// Whether both can't be there: they are the same, or one lies in the other.
    fn meets(&self, other: &Self) -> bool {
        let within =
            |inner: &str, outer: &str| format!("{inner}/").starts_with(&format!("{outer}/"));
        !self.path.is_empty()
            && !other.path.is_empty()
            && (within(other.path, self.path) || within(self.path, other.path))
    }
}

/// Warnings of all volumes of a pod.
pub(super) fn warnings(spec: &At<'_>, warnings: &mut Vec<String>) {
    for volume in spec.child("volumes").items() {
        let name = volume.child("name");
        let name = name.text();
        let plain = [
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
            ("downwardAPI", "DownwardAPI", ""),
        ];
        for (field, kind, reference) in plain {
            let source = volume.child(field);
            let what = match reference {
                "" => kind.to_owned(),
                _ => format!("{kind} {:?}", source.child(reference).text()),
            };
            let mut seen = Vec::new();
            let files = mapped(&source, "");
            meet((name, &what), files, &mut seen, warnings);
        }
        let mut seen = Vec::new();
        for source in volume.child("projected").child("sources").items() {
            if source.entries().is_empty() {
                warnings.push(format!(
                    "volume {name:?} (Projected) has no sources provided"
                ));
                continue;
            }
            meet((name, "Projected"), projected(&source), &mut seen, warnings);
        }
    }
}

/// The files that a list of items maps keys to.
fn mapped<'a>(source: &At<'a>, told: &str) -> Vec<File<'a>> {
    let items = source.child("items").items();
    let paths = items
        .into_iter()
        .map(|item| file(&item, "path", told.to_owned()));
    paths.collect()
}

fn file<'a>(at: &At<'a>, field: &str, source: String) -> File<'a> {
    let path = at.child(field).value().as_str().unwrap_or_default();
    File {
        path: path.trim_end_matches('/'),
        source,
    }
}

/// The files of one source of a projected volume.
fn projected<'a>(source: &At<'a>) -> Vec<File<'a>> {
    let named =
        |kind: &str, at: &At<'_>, field: &str| format!("{kind} {:?}", at.child(field).text());
    for (field, kind) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
        let at = source.child(field);
        if at.child("items").is_set() {
            return mapped(&at, &named(kind, &at, "name"));
        }
    }
    let downward = source.child("downwardAPI");
    if downward.child("items").is_set() {
        return mapped(&downward, "DownwardAPI");
    }
    let token = source.child("serviceAccountToken");
    if token.is_set() {
        return vec![file(&token, "path", "ServiceAccountToken".to_owned())];
    }
    let bundle = source.child("clusterTrustBundle");
    if bundle.is_set() {
        let by = if bundle.child("name").is_set() {
            "name"
        } else {
            "signerName"
        };
        let told = named("ClusterTrustBundle", &bundle, by);
        return vec![file(&bundle, "path", told)];
    }
    let certificate = source.child("podCertificate");
    [
        ("certificateChainPath", "PodCertificate chain"),
        ("keyPath", "PodCertificate key"),
        ("credentialBundlePath", "PodCertificate credential bundle"),
    ]
    .into_iter()
    .map(|(field, told)| file(&certificate, field, told.to_owned()))
    .filter(|file| !file.path.is_empty())
    .collect()
}

/// Warns of files that meet those seen before.
fn meet<'a>(
    (volume, what): (&str, &str),
    files: Vec<File<'a>>,
    seen: &mut Vec<File<'a>>,
    warnings: &mut Vec<String>,
) {
    for file in files {
        for other in seen.iter().filter(|other| file.meets(other)) {
            warnings.push(format!(
                "volume {volume:?} ({what}): overlapping paths: {file} with {other}"
            ));
        }
        seen.push(file);
    }
}
