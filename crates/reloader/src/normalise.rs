//! The configuration as the program will read it: unpacked, with variables put in, and swapped into place whole.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::io::{self, BufReader, BufWriter, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use crate::environment::Environment;
use crate::error::Error;
use crate::expand::Expander;
use crate::files::{self, Digest};
use crate::parts::{self, Parts};

/// How a file begins that gzip wrote.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
/// Rights of what is written: the program may run as another user.
const MODE: u32 = 0o644;

/// What a look at the configuration told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Normalised {
    /// Of name and content, as they are stored.
    pub(crate) digest: Digest,
    /// The variables that aren't set, once per reference.
    pub(crate) unset: Vec<String>,
}

/// Reads a configuration and, if there is a path for it, writes what the program will read. One reading serves both, so
/// that digest and output are of the same content.
pub(crate) fn normalise(
    config: &Path,
    output: Option<&Path>,
    environment: &Environment,
) -> Result<Normalised, Error> {
    let parts = parts::open(config)?;
    let mut hash = Sha256::new();
    files::begin(&mut hash, config);
    let mut reader = Hashing { parts, hash };
    let unset = match output {
        None => Vec::new(),
        Some(output) => write(&mut reader, config, output, environment)?,
    };
    // What is left: everything without an output.
    io::copy(&mut reader, &mut io::sink()).map_err(Error::file("read config file", config))?;
    Ok(Normalised {
        digest: reader.hash.finalize().into(),
        unset,
    })
}

/// The path that is written to before it is swapped into place.
pub(crate) fn temporary(output: &Path) -> PathBuf {
    files::with_end(output, ".tmp")
}

fn write(
    reader: &mut impl Read,
    config: &Path,
    output: &Path,
    environment: &Environment,
) -> Result<Vec<String>, Error> {
    let path = temporary(output);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(MODE);
    let file = options.open(&path).map_err(Error::file("write", &path))?;
    let written =
        expand(reader, config, &path, BufWriter::new(file), environment).and_then(|unset| {
            std::fs::rename(&path, output).map_err(Error::file("rename to", output))?;
            Ok(unset)
        });
    if written.is_err() {
        // The error that counts is the one before.
        let _ = std::fs::remove_file(&path);
    }
    written
}

fn expand(
    reader: &mut impl Read,
    config: &Path,
    path: &Path,
    out: impl io::Write,
    environment: &Environment,
) -> Result<Vec<String>, Error> {
    let mut head = Vec::new();
    let read = reader
        .by_ref()
        .take(GZIP.len() as u64)
        .read_to_end(&mut head);
    read.map_err(Error::file("read config file", config))?;
    let packed = head == GZIP;
    let whole = BufReader::new(head.as_slice().chain(reader));
    let full = Cell::new(false);
    let mut expander = Expander::new(Noting { out, failed: &full }, environment);
    let copied = if packed {
        io::copy(&mut MultiGzDecoder::new(whole), &mut expander)
    } else {
        io::copy(&mut { whole }, &mut expander)
    };
    copied.map_err(|error| {
        if full.get() {
            Error::file("write", path)(error)
        } else {
            Error::file("expand config file", config)(error)
        }
    })?;
    let (_, unset) = expander.finish().map_err(Error::file("write", path))?;
    Ok(unset)
}

/// Notes that it was the writing that failed, not the reading of what is copied.
struct Noting<'a, W> {
    out: W,
    failed: &'a Cell<bool>,
}

impl<W: io::Write> io::Write for Noting<'_, W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer);
        self.failed.set(written.is_err());
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A configuration of which everything that is read is hashed.
struct Hashing {
    parts: Parts,
    hash: Sha256,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.parts.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::files::testing::Folder;

    fn environment() -> Environment {
        Environment::of_process([("SHARD".into(), "3".into())])
    }

    /// A disk without room.
    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_with_the_file_that_has_no_room() {
        let (config, output) = (Path::new("/in/config"), Path::new("/out/config.tmp"));
        let made = |mut text: &[u8]| expand(&mut text, config, output, Full, &environment());
        let error = made(b"a: b\n").unwrap_err().to_string();
        assert!(error.starts_with("write /out/config.tmp: "), "{error}");
        let error = made(&[0x1f, 0x8b, 0x08]).unwrap_err().to_string();
        assert!(
            error.starts_with("expand config file /in/config: "),
            "{error}"
        );
    }

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// What is written for a stored configuration, and what is told of it.
    fn written(folder: &Folder, stored: &[u8]) -> (String, Normalised) {
        let (config, output) = (folder.file("config", stored), folder.path("out"));
        let normalised = normalise(&config, Some(&output), &environment()).unwrap();
        (std::fs::read_to_string(&output).unwrap(), normalised)
    }

    #[test]
    fn a_configuration_is_unpacked_and_expanded() {
        let folder = Folder::new();
        let text = "shard: $(SHARD), $(NO)\n";
        for stored in [text.as_bytes().to_vec(), packed(text)] {
            let (out, normalised) = written(&folder, &stored);
            assert_eq!(out, "shard: 3, $(NO)\n");
            assert_eq!(normalised.unset, ["NO"]);
        }
        let mode = std::fs::metadata(folder.path("out")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o644);
        assert!(!folder.path("out.tmp").exists());
    }

    #[test]
    fn members_of_a_packed_file_are_joined() {
        let stored = [packed("a: $(SHA"), packed("RD)\n")].concat();
        assert_eq!(written(&Folder::new(), &stored).0, "a: 3\n");
    }

    #[test]
    fn parts_are_joined_and_all_of_them_count() {
        let folder = Folder::new();
        let whole = packed("a: $(SHARD), and more\n");
        let (first, rest) = whole.split_at(12);
        let digest = "0".repeat(64);
        folder.file("config.parts", digest.as_bytes());
        let one = normalise(&folder.file("config", first), None, &environment());
        assert!(matches!(one, Err(Error::Part { .. })), "{one:?}");
        folder.file(&format!("config.{digest}"), rest);
        let (out, normalised) = written(&folder, first);
        assert_eq!(out, "a: 3, and more\n");
        let alone = written(&Folder::new(), &whole).1;
        assert_ne!(normalised.digest, alone.digest, "the folder's name counts");
        folder.file(&format!("config.{digest}"), &rest[1..]);
        let config = folder.path("config");
        let other = normalise(&config, None, &environment()).unwrap().digest;
        assert_ne!(other, normalised.digest);
    }

    #[test]
    fn a_configuration_may_be_shorter_than_what_tells_gzip() {
        let folder = Folder::new();
        for text in ["", "a", "{}"] {
            assert_eq!(written(&folder, text.as_bytes()).0, text);
        }
    }

    #[test]
    fn a_broken_archive_leaves_the_last_output_alone() {
        let folder = Folder::new();
        written(&folder, b"good\n");
        let whole = packed("a long enough text to be cut in the middle");
        let config = folder.file("config", &whole[..whole.len() / 2]);
        let error = normalise(&config, Some(&folder.path("out")), &environment()).unwrap_err();
        assert!(error.to_string().contains("expand config file"), "{error}");
        assert_eq!(
            std::fs::read_to_string(folder.path("out")).unwrap(),
            "good\n"
        );
        assert!(!folder.path("out.tmp").exists());
    }

    #[test]
    fn the_digest_is_of_name_and_stored_content() {
        let folder = Folder::new();
        let digest = |name: &str, content: &[u8], output: Option<&str>| {
            let config = folder.file(name, content);
            let output = output.map(|name| folder.path(name));
            normalise(&config, output.as_deref(), &environment())
                .unwrap()
                .digest
        };
        let one = digest("a", b"text", None);
        assert_eq!(digest("a", b"text", Some("out")), one);
        assert_ne!(digest("a", b"texts", None), one);
        assert_ne!(digest("b", b"text", None), one);
        let archive = packed("text");
        assert_eq!(
            digest("a", &archive, None),
            digest("a", &archive, Some("out"))
        );
    }
}
