//! Which images `carrick up` runs as local processes, and how.

/// The program of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// This program itself, with a command of its own.
    Carrick(&'static str),
}

/// An image that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// Its name, without registry mirrors, tag and digest.
    pub name: &'static str,
    /// What runs.
    pub program: Program,
    /// Arguments that always come first. `{ip}` is the pod's address, `{port}` the container's first port.
    pub args: &'static [&'static str],
    /// The port of a container that names none.
    pub port: u16,
}

/// All of them.
const IMAGES: &[Image] = &[Image {
    name: "carrick.dev/examples/hello",
    program: Program::Carrick("example-server"),
    args: &["--listen={ip}:{port}"],
    port: 8080,
}];

/// The known image of a reference such as `NAME:TAG` or `NAME@sha256:…`.
pub fn find(reference: &str) -> Option<&'static Image> {
    let name = reference.split('@').next().unwrap_or_default();
    // A colon before a slash belongs to a registry's port.
    let name = match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    };
    IMAGES.iter().find(|image| image.name == name)
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
}
