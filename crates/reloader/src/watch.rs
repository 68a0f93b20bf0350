//! Changes of files, as the kernel tells them. Folders are watched, not files: that is what makes the kubelet's swap of
//! `..data` visible.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::normalise::temporary;

/// Changes of names, contents and rights in a folder. Reading is none.
const CHANGES: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// Room for a few hundred events of common names.
const BUFFER: usize = 16 * 1024;

/// Watched folders.
#[derive(Debug)]
pub(crate) struct Watcher {
    kernel: AsyncFd<OwnedFd>,
    /// By the kernel's number.
    folders: BTreeMap<i32, PathBuf>,
    own: OwnFiles,
    /// Room for what the kernel tells.
    buffer: Vec<MaybeUninit<u8>>,
}

/// What this program writes itself: its changes are no news.
#[derive(Debug, Default)]
struct OwnFiles {
    folder: PathBuf,
    names: Vec<OsString>,
}

impl OwnFiles {
    fn of(output: Option<&Path>) -> Self {
        let Some(output) = output else {
            return Self::default();
        };
        let paths = [output.to_owned(), temporary(output)];
        let names = paths.iter().filter_map(|path| path.file_name());
        let folder = output.parent().unwrap_or(Path::new(""));
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        Self {
            folder: folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
            names: names.map(OsStr::to_owned).collect(),
        }
    }

    fn contain(&self, folder: &Path, name: &OsStr) -> bool {
        self.names.iter().any(|own| own == name)
            && folder
                .canonicalize()
                .is_ok_and(|folder| folder == self.folder)
    }
}

impl Watcher {
    /// One that watches nothing yet, and isn't told of what is written to `output`.
    pub(crate) fn new(output: Option<&Path>) -> io::Result<Self> {
        let kernel = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "what took its place is unsafe for types whose descriptor may change; that of an `OwnedFd` doesn't"
        )]
        let kernel = AsyncFd::new(kernel)?;
        Ok(Self {
            kernel,
            folders: BTreeMap::new(),
            own: OwnFiles::of(output),
            buffer: vec![MaybeUninit::uninit(); BUFFER],
        })
    }

    /// Watches these folders and no others. A folder that another one took the place of is watched anew. Those that
    /// can't be watched, except because they are gone, are returned with the reason.
    pub(crate) fn follow(&mut self, folders: &BTreeSet<PathBuf>) -> Vec<(PathBuf, io::Error)> {
        let mut failed = Vec::new();
        let mut now = BTreeMap::new();
        for folder in folders {
            // Gives the number it has if it is watched.
            match inotify::add_watch(self.kernel.get_ref(), folder, CHANGES) {
                Ok(number) => {
                    now.insert(number, folder.clone());
                }
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => failed.push((folder.clone(), error.into())),
            }
        }
        for number in self
            .folders
            .keys()
            .filter(|number| !now.contains_key(*number))
        {
            // An error says that the folder is gone, and its watch with it.
            let _ = inotify::remove_watch(self.kernel.get_ref(), *number);
        }
        self.folders = now;
        failed
    }

    /// How many are watched.
    pub(crate) fn count(&self) -> usize {
        self.folders.len()
    }

    /// Waits for changes; how many there were.
    pub(crate) async fn changes(&mut self) -> io::Result<u64> {
        loop {
            let mut ready = self.kernel.readable().await?;
            let mut reader = Reader::new(ready.get_inner(), &mut self.buffer);
            let mut count = 0;
            loop {
                match reader.next() {
                    Ok(event) => {
                        let name = event
                            .file_name()
                            .map(|name| OsStr::from_bytes(name.to_bytes()));
                        let folder = self.folders.get(&event.wd());
                        let own = name
                            .zip(folder)
                            .is_some_and(|(name, folder)| self.own.contain(folder, name));
                        // That a watch ended was told before, by what ended it.
                        if !own && !event.events().contains(ReadFlags::IGNORED) {
                            count += 1;
                        }
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            ready.clear_ready();
            if count > 0 {
                return Ok(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::files::testing::Folder;

    fn watching(folder: &Folder, names: &[&str], output: Option<&Path>) -> Watcher {
        let mut watcher = Watcher::new(output).unwrap();
        let folders = names.iter().map(|name| folder.path(name)).collect();
        assert!(watcher.follow(&folders).is_empty());
        watcher
    }

    async fn noticed(watcher: &mut Watcher) -> u64 {
        tokio::time::timeout(Duration::from_secs(10), watcher.changes())
            .await
            .expect("no change")
            .unwrap()
    }

    /// Whether nothing is there to be noticed. The kernel tells of a change before the call that made it returns.
    async fn quiet(watcher: &mut Watcher) -> bool {
        tokio::time::timeout(Duration::from_millis(50), watcher.changes())
            .await
            .is_err()
    }

    #[tokio::test]
    async fn swaps_and_writes_are_noticed_and_reading_is_not() {
        let folder = Folder::new();
        folder.file("v/..1/a", b"1");
        folder.link("..1", "v/..data");
        let mut watcher = watching(&folder, &["v"], None);
        std::fs::read(folder.path("v/..data/a")).unwrap();
        assert!(quiet(&mut watcher).await);
        folder.link("..2", "v/..data_tmp");
        std::fs::rename(folder.path("v/..data_tmp"), folder.path("v/..data")).unwrap();
        assert!(noticed(&mut watcher).await >= 2);
        folder.file("v/b", b"1");
        assert!(noticed(&mut watcher).await > 0);
    }

    #[tokio::test]
    async fn what_is_written_by_ourselves_is_no_news() {
        let folder = Folder::new();
        folder.file("out", b"");
        let output = folder.path("out");
        let mut watcher = watching(&folder, &[""], Some(&output));
        folder.file("out.tmp", b"1");
        std::fs::rename(folder.path("out.tmp"), &output).unwrap();
        assert!(quiet(&mut watcher).await);
        folder.file("other.tmp", b"1");
        assert!(noticed(&mut watcher).await > 0);
    }

    #[tokio::test]
    async fn folders_come_and_go() {
        let folder = Folder::new();
        folder.file("a/x", b"1");
        folder.file("b/x", b"1");
        let mut watcher = watching(&folder, &["a", "b", "gone"], None);
        assert_eq!(watcher.count(), 2);
        assert!(watcher.follow(&[folder.path("b")].into()).is_empty());
        folder.file("a/y", b"1");
        assert!(quiet(&mut watcher).await);
        std::fs::rename(folder.path("b"), folder.path("c")).unwrap();
        assert!(noticed(&mut watcher).await > 0);
        folder.file("b/x", b"1");
        watcher.follow(&[folder.path("b")].into());
        folder.file("b/y", b"1");
        assert!(noticed(&mut watcher).await > 0);
    }
}
