//! Which images `carrick up` runs as local processes, and how.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::installed::is_older;

/// The program of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// This program itself, with a command of its own.
    Carrick(&'static str),
    /// A program of this machine.
    Installed(Installed),
}

/// A program that people install themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// Names that it may have, the usual one first.
    pub names: &'static [&'static str],
    /// Debian's package.
    pub package: &'static str,
}

/// What an image's program expects of the machine round it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surroundings {
    /// Nothing but its arguments.
    Plain,
    /// A pod of its own: `localhost` and ports without a host are the pod's.
    Pod,
}

/// An image that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Its repository, without tag and digest.
    pub name: &'static str,
    /// Whether a registry may stand before it, which mirrors have.
    pub any_registry: bool,
    /// What runs.
    pub program: Program,
    /// The only program that `command` may name.
    pub command: &'static str,
    /// Arguments that come first unless the container has them itself. `{ip}` is the pod's address, `{port}` the container's
    /// first port.
    pub args: &'static [&'static str],
    /// The port of a container that names none.
    pub port: u16,
    /// What its arguments mean.
    pub surroundings: Surroundings,
    /// It runs beside another known image only: alone it has nothing to do.
    pub companion: bool,
}

/// All of them.
const IMAGES: &[Image] = &[
    Image {
        name: "carrick.dev/examples/hello",
        any_registry: false,
        program: Program::Carrick("example-server"),
        command: "",
        args: &["--listen={ip}:{port}"],
        port: 8080,
        surroundings: Surroundings::Plain,
        companion: false,
    },
    Image {
        name: "prometheus/prometheus",
        any_registry: true,
        program: Program::Installed(Installed {
            names: &["prometheus"],
            package: "prometheus",
        }),
        command: "/bin/prometheus",
        args: &["--web.listen-address={ip}:{port}"],
        port: 9090,
        surroundings: Surroundings::Pod,
        companion: false,
    },
    Image {
        name: "prometheus/alertmanager",
        any_registry: true,
        program: Program::Installed(Installed {
            names: &["alertmanager", "prometheus-alertmanager"],
            package: "prometheus-alertmanager",
        }),
        command: "/bin/alertmanager",
        args: &["--web.listen-address={ip}:{port}"],
        port: 9093,
        surroundings: Surroundings::Pod,
        companion: false,
    },
    Image {
        name: "prometheus-operator/prometheus-config-reloader",
        any_registry: true,
        program: Program::Carrick("reloader"),
        command: "/bin/prometheus-config-reloader",
        // Volumes change as a whole here and only when their objects do: there is nothing to wait for.
        args: &["--delay-interval=100ms"],
        port: 8080,
        surroundings: Surroundings::Pod,
        companion: true,
    },
];

/// Name and tag of a reference such as `NAME:TAG@sha256:…`; the tag may be missing.
fn parts(reference: &str) -> (&str, &str) {
    let name = reference.split('@').next().unwrap_or_default();
    // A colon before a slash belongs to a registry's port.
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => (before, tag),
        _ => (name, ""),
    }
}

/// The known image of a reference.
pub fn find(reference: &str) -> Option<&'static Image> {
    let (name, _) = parts(reference);
    IMAGES.iter().find(|image| {
        let before = name.strip_suffix(image.name);
        before
            .is_some_and(|before| before.is_empty() || image.any_registry && before.ends_with('/'))
    })
}

/// The version that a tag names, without its `v`; empty if it names none.
pub fn version(reference: &str) -> &str {
    let (_, tag) = parts(reference);
    let version = tag.strip_prefix('v').unwrap_or(tag);
    if version.starts_with(|c: char| c.is_ascii_digit()) {
        version
    } else {
        ""
    }
}

/// Where programs are looked for. What is there is looked up once: a pod that began as one thing doesn't become another.
pub struct Programs {
    found: Vec<(&'static str, PathBuf)>,
}

impl Programs {
    /// Looks for all programs in the folders of a `PATH`.
    pub fn look(path: Option<&OsStr>) -> Self {
        let folders: Vec<PathBuf> = path
            .map(|path| std::env::split_paths(path).collect())
            .unwrap_or_default();
        let at = |name: &&str| {
            let mut places = folders.iter().map(|folder| folder.join(name));
            places.find(|place| is_program(place))
        };
        let found = IMAGES.iter().filter_map(|image| match image.program {
            Program::Carrick(_) => None,
            Program::Installed(installed) => {
                Some((image.name, installed.names.iter().find_map(at)?))
            }
        });
        Self {
            found: found.collect(),
        }
    }

    /// Where an installed program is.
    pub fn path(&self, image: &Image) -> Option<&Path> {
        let mut found = self.found.iter();
        found
            .find(|(name, _)| *name == image.name)
            .map(|(_, path)| path.as_path())
    }
}

/// Why a pod of an image is simulated, in a line for people; `None` if its program can be run. `installed` is the version of
/// the program that is there.
pub fn refusal(image: &Image, path: Option<&Path>, asked: &str, installed: &str) -> Option<String> {
    let Program::Installed(program) = image.program else {
        return None;
    };
    if path.is_none() {
        return Some(format!(
            "pods of {} are simulated: the program isn't installed\nhint: scripts/setup monitoring, or Debian's package {} \
             (stop its own service); then start carrick up again",
            image.name, program.package
        ));
    }
    is_older(installed, asked).then(|| {
        format!(
            "pods of {} v{asked} are simulated: the program installed here is {installed}, which refuses what is made for a newer \
             one\nhint: with `version: v{installed}` in their object's spec they run",
            image.name
        )
    })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_digests_do_not_matter() {
        for reference in ["", ":1", "@sha256:0a", ":1@sha256:0a"] {
            let image = find(&format!("carrick.dev/examples/hello{reference}"));
            assert!(image.is_some(), "{reference}");
        }
        assert_eq!(find("carrick.dev:5000/examples/hello"), None);
        assert_eq!(find("registry.example/shop:blue"), None);
    }

    #[test]
    fn mirrors_of_public_images_are_the_same_images() {
        for reference in [
            "quay.io/prometheus/prometheus:v2.42.0",
            "mirror.example:5000/quay/prometheus/prometheus",
            "prometheus/prometheus@sha256:0a",
        ] {
            let image = find(reference).unwrap();
            assert_eq!(image.name, "prometheus/prometheus", "{reference}");
        }
        assert_eq!(find("quay.io/myprometheus/prometheus:v3"), None);
        assert_eq!(find("quay.io/prometheus/node-exporter:v1"), None);
    }

    #[test]
    fn a_version_is_a_tag_that_begins_with_a_number() {
        assert_eq!(version("quay.io/prometheus/prometheus:v2.42.0"), "2.42.0");
        assert_eq!(version("localhost:5000/prometheus/prometheus"), "");
        assert_eq!(version("prometheus/prometheus:latest"), "");
    }

    #[test]
    fn what_is_missing_or_too_old_is_refused() {
        let folder = std::env::temp_dir().join(format!("carrick-programs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let program = folder.join("prometheus-alertmanager");
        std::os::unix::fs::symlink("/bin/true", &program).unwrap();
        let programs = Programs::look(Some(folder.as_os_str()));
        let alertmanager = find("prometheus/alertmanager").unwrap();
        let prometheus = find("prometheus/prometheus").unwrap();
        assert_eq!(programs.path(alertmanager), Some(program.as_path()));
        let path = programs.path(alertmanager);
        assert_eq!(refusal(alertmanager, path, "0.25.0", "0.25.0"), None);
        let older = refusal(alertmanager, path, "0.33.1", "0.25.0").unwrap();
        assert!(older.contains("`version: v0.25.0`"), "{older}");
        let missing = refusal(prometheus, programs.path(prometheus), "", "").unwrap();
        assert!(
            missing.contains("hint: scripts/setup monitoring"),
            "{missing}"
        );
        std::fs::remove_dir_all(folder).unwrap();
    }
}
