//! Watched folders: which files are in them, what these hold, and which folders must be watched to see a change.
//!
//! Links are followed, to folders too. Names that begin with `..` are skipped: the kubelet keeps the content of a volume
//! in `..data` and links to it from outside, so everything is seen through its own name, and an unchanged content under a
//! new date is no change.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// A SHA-256.
pub(crate) type Digest = [u8; 32];

/// How the entries of the kubelet begin.
const KUBELET: &[u8] = b"..";

/// What is in the watched folders.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    /// Every regular file, by the path it was reached on, in order.
    pub(crate) files: Vec<PathBuf>,
    /// Every folder in which a change would change content: those with files, those with links that were followed.
    pub(crate) folders: BTreeSet<PathBuf>,
}

impl Tree {
    /// Looks into these folders.
    ///
    /// # Errors
    /// If one isn't there, or can't be read. What vanishes below while it looks is as if it had never been there.
    pub(crate) fn of(roots: &[PathBuf]) -> Result<Self, Error> {
        let mut tree = Self::default();
        for root in roots {
            let failed = |source| Error::file("watch directory", root)(source);
            tree.links(root);
            let real = root.canonicalize().map_err(failed)?;
            let found = std::fs::metadata(&real).map_err(failed)?;
            tree.folder(&real, &mut vec![identity(&found)])?;
        }
        Ok(tree)
    }

    /// Adds the folders in which a change would swap that file: its own, and of what it links to.
    pub(crate) fn follow_file(&mut self, file: &Path) {
        self.folders.insert(parent(file));
        self.links(file);
    }

    /// If that path is a link: the folder of the link, and that of what it leads to in the end.
    fn links(&mut self, path: &Path) {
        if !path.is_symlink() {
            return;
        }
        self.folders.insert(parent(path));
        if let Ok(real) = path.canonicalize() {
            self.folders.insert(parent(&real));
        }
    }

    /// Adds what is below a folder; `above` are the folders that led to it, so that a link to one of them ends there.
    fn folder(&mut self, folder: &Path, above: &mut Vec<(u64, u64)>) -> Result<(), Error> {
        let failed = |source| Error::file("read directory", folder)(source);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name());
        }
        self.folders.insert(folder.to_owned());
        names.retain(|name| !name.as_bytes().starts_with(KUBELET));
        names.sort();
        for name in names {
            let path = folder.join(name);
            let Some(found) = look(&path)? else { continue };
            if found.is_dir() {
                self.below(&path, &found, above)?;
            } else if found.is_file() {
                self.links(&path);
                self.files.push(path);
            }
        }
        Ok(())
    }

    fn below(
        &mut self,
        path: &Path,
        found: &Metadata,
        above: &mut Vec<(u64, u64)>,
    ) -> Result<(), Error> {
        let itself = identity(found);
        if above.contains(&itself) {
            return Ok(());
        }
        above.push(itself);
        let result = self.folder(path, above);
        above.pop();
        match result {
            Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// The digest of all names and contents.
    pub(crate) fn digest(&self) -> Result<Digest, Error> {
        let mut hash = Sha256::new();
        for path in &self.files {
            let mut file = match open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::file("read file", path)(error)),
            };
            begin(&mut hash, path);
            io::copy(&mut file, &mut hash).map_err(Error::file("read file", path))?;
        }
        Ok(hash.finalize().into())
    }
}

/// Begins a file in a digest: a byte that no UTF-8 has around its name.
pub(crate) fn begin(hash: &mut Sha256, path: &Path) {
    hash.update([0xff]);
    hash.update(path.as_os_str().as_bytes());
    hash.update([0xff]);
}

/// The path of a file whose name goes on with that.
pub(crate) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(end);
    path.into()
}

/// Opens a file for reading, and doesn't wait for a writer if it became a pipe.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// What a path leads to; nothing if it, or what it links to, isn't there, or it links to itself.
fn look(path: &Path) -> Result<Option<Metadata>, Error> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            Ok(None)
        }
        Err(error) => Err(Error::file("read file", path)(error)),
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// The folder of a path; the current one if it names none.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU32, Ordering};

    static COUNT: AtomicU32 = AtomicU32::new(0);

    /// A folder of one test, gone with it.
    pub(crate) struct Folder(PathBuf);

    impl Folder {
        pub(crate) fn new() -> Self {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("reloader-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).unwrap();
            Self(path.canonicalize().unwrap())
        }

        pub(crate) fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, content).unwrap();
            path
        }

        pub(crate) fn link(&self, target: impl AsRef<Path>, name: &str) -> PathBuf {
            let path = self.path(name);
            std::os::unix::fs::symlink(target, &path).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Folder;
    use super::*;

    fn names(folder: &Folder, paths: impl IntoIterator<Item = PathBuf>) -> Vec<String> {
        let root = folder.path("");
        let shown = |path: PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
        paths.into_iter().map(shown).collect()
    }

    fn digest(folder: &Folder, name: &str) -> Digest {
        Tree::of(&[folder.path(name)]).unwrap().digest().unwrap()
    }

    #[test]
    fn the_kubelets_volume_is_seen_by_its_own_names() {
        let folder = Folder::new();
        folder.file("v/..1/a.yaml", b"1");
        folder.file("v/..1/sub/b.yaml", b"1");
        folder.link("..1", "v/..data");
        folder.link("..data/a.yaml", "v/a.yaml");
        folder.link("..data/sub", "v/sub");
        let tree = Tree::of(&[folder.path("v")]).unwrap();
        assert_eq!(
            names(&folder, tree.files.clone()),
            ["v/a.yaml", "v/sub/b.yaml"]
        );
        assert_eq!(
            names(&folder, tree.folders.clone()),
            ["v", "v/..1", "v/sub"]
        );
        let first = tree.digest().unwrap();

        folder.file("v/..2/a.yaml", b"1");
        folder.file("v/..2/sub/b.yaml", b"1");
        folder.link("..2", "v/..data_tmp");
        std::fs::rename(folder.path("v/..data_tmp"), folder.path("v/..data")).unwrap();
        assert_eq!(digest(&folder, "v"), first);
        folder.file("v/..2/sub/b.yaml", b"2");
        assert_ne!(digest(&folder, "v"), first);
    }

    #[test]
    fn what_a_link_leads_to_is_watched_too() {
        let folder = Folder::new();
        folder.file("elsewhere/a.yaml", b"1");
        folder.file("v1/b.yaml", b"1");
        folder.link("v1", "current");
        folder.link("../elsewhere/a.yaml", "v1/a.yaml");
        let tree = Tree::of(&[folder.path("current")]).unwrap();
        assert_eq!(names(&folder, tree.folders), ["", "elsewhere", "v1"]);
        let mut tree = Tree::default();
        tree.follow_file(&folder.path("current/a.yaml"));
        assert_eq!(names(&folder, tree.folders), ["current", "elsewhere"]);
    }

    #[test]
    fn links_that_lead_nowhere_or_in_circles_are_no_files() {
        let folder = Folder::new();
        folder.file("v/a.yaml", b"1");
        folder.link("gone", "v/b.yaml");
        folder.link("c.yaml", "v/c.yaml");
        folder.link(".", "v/self");
        let before = Tree::of(&[folder.path("v")]).unwrap();
        assert_eq!(names(&folder, before.files.clone()), ["v/a.yaml"]);
        std::fs::remove_file(folder.path("v/a.yaml")).unwrap();
        assert_ne!(
            digest(&folder, "v"),
            Tree::default().digest().unwrap().map(|byte| !byte)
        );
        assert_eq!(before.digest().unwrap(), digest(&folder, "v"));
    }

    #[test]
    fn names_contents_and_moves_are_changes() {
        let folder = Folder::new();
        folder.file("v/a", b"1");
        folder.file("v/b", b"2");
        let first = digest(&folder, "v");
        assert_eq!(digest(&folder, "v"), first);
        std::fs::rename(folder.path("v/b"), folder.path("v/c")).unwrap();
        let moved = digest(&folder, "v");
        assert_ne!(moved, first);
        folder.file("v/deep/er/d", b"");
        assert_ne!(digest(&folder, "v"), moved);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Tree::of(&[PathBuf::from("/nowhere/rules")]).unwrap_err();
        let text = "watch directory /nowhere/rules: No such file or directory (os error 2)";
        assert_eq!(error.to_string(), text);
    }
}
