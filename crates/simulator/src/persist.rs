//! Keeping the store across restarts: an embedded database, written before a client is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend as _, TableDefinition};

use crate::apiserver::ApiServer;
use crate::apiserver::store::Committed;

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// Another process has it.
    #[error(
        "state directory {path} is in use by {owner}\nhint: stop that process, or choose another directory with `--state`"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who has it, such as `process 4711`.
        owner: String,
    },
    /// What is in it was altered by something else.
    #[error(
        "the state in {path} is damaged: {message}\nhint: restore `carrick.redb` there from a copy, or move it away to begin anew; nothing in it was changed"
    )]
    Damaged {
        /// The directory.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A change can't be written, as when the disk is full.
    #[error(
        "cannot keep changes in state directory {path}: {message}\nhint: make room there and start again; everything that clients were told is kept"
    )]
    NotKept {
        /// The directory.
        path: PathBuf,
        /// The cause.
        message: String,
    },
    /// It cannot be read or written.
    #[error(
        "cannot use state directory {path}: {message}\nhint: check that it is a writable directory with room in it, or choose another with `--state`"
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// The cause.
        message: String,
    },
}

/// Key `TABLE\0OBJECT`, value: the object as JSON.
const OBJECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("objects");
/// Names and numbers: `revision`.
const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
/// Texts: certificates, keys, tokens.
const TEXTS: TableDefinition<'_, &str, &str> = TableDefinition::new("texts");

const FILE: &str = "carrick.redb";
const OWNER: &str = "owner";

/// An open state directory.
pub struct State {
    path: PathBuf,
    database: Database,
    /// Locked as long as this process has the directory.
    _owner: std::fs::File,
}

impl State {
    /// Opens a state directory; makes it if it is missing. A damaged one is left as it is.
    pub fn open(path: &Path) -> Result<Self, PersistError> {
        let unusable = |message: String| PersistError::Unusable {
            path: path.to_owned(),
            message,
        };
        std::fs::create_dir_all(path).map_err(|error| unusable(error.to_string()))?;
        let owner = own(path)?;
        let file = path.join(FILE);
        examine(path, &file)?;
        let unusable = |error: &dyn std::fmt::Display| unusable(error.to_string());
        if !file.exists() {
            // Whoever dies here leaves nothing behind that looks like a state.
            let fresh = path.join(format!("{FILE}.new"));
            let _ = std::fs::remove_file(&fresh);
            private(&fresh).map_err(|error| unusable(&error))?;
            Database::create(&fresh).map_err(|error| unusable(&error))?;
            std::fs::rename(&fresh, &file).map_err(|error| unusable(&error))?;
        }
        let database = Database::create(file).map_err(|error| unusable(&error))?;
        Ok(Self {
            path: path.to_owned(),
            database,
            _owner: owner,
        })
    }

    fn unusable(&self, error: &dyn std::fmt::Display) -> PersistError {
        PersistError::Unusable {
            path: self.path.clone(),
            message: error.to_string(),
        }
    }

    fn damaged(&self, error: &dyn std::fmt::Display) -> PersistError {
        PersistError::Damaged {
            path: self.path.clone(),
            message: error.to_string(),
        }
    }

    fn not_kept(&self, error: &dyn std::fmt::Display) -> PersistError {
        PersistError::NotKept {
            path: self.path.clone(),
            message: error.to_string(),
        }
    }

    /// Puts everything that was kept into a fresh server.
    pub fn load(&self, api: &mut ApiServer) -> Result<(), PersistError> {
        let read = self
            .database
            .begin_read()
            .map_err(|error| self.unusable(&error))?;
        let mut revision = 0;
        match read.open_table(NUMBERS) {
            Ok(table) => {
                let found = table
                    .get("revision")
                    .map_err(|error| self.unusable(&error))?;
                revision = found.map_or(0, |found| found.value());
            }
            Err(redb::TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(self.unusable(&error)),
        }
        match read.open_table(OBJECTS) {
            Ok(table) => {
                for row in table.iter().map_err(|error| self.unusable(&error))? {
                    let (key, value) = row.map_err(|error| self.unusable(&error))?;
                    let value = machinery::decode::decode_kept(value.value())
                        .map_err(|error| self.damaged(&error))?
                        .value;
                    let own = machinery::meta::resource_version(&value)
                        .parse()
                        .unwrap_or_default();
                    if let Some((name, key)) = key.value().split_once('\0') {
                        api.store_mut().restore(name, key, value, own);
                    }
                }
            }
            Err(redb::TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(self.unusable(&error)),
        }
        api.store_mut().restored(revision);
        api.restored();
        Ok(())
    }

    /// A kept text.
    pub fn text(&self, name: &str) -> Result<Option<String>, PersistError> {
        let read = self
            .database
            .begin_read()
            .map_err(|error| self.unusable(&error))?;
        match read.open_table(TEXTS) {
            Ok(table) => {
                let found = table.get(name).map_err(|error| self.unusable(&error))?;
                Ok(found.map(|found| found.value().to_owned()))
            }
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(self.unusable(&error)),
        }
    }

    /// Keeps texts.
    pub fn set_texts(&self, texts: &[(&str, &str)]) -> Result<(), PersistError> {
        let write = self
            .database
            .begin_write()
            .map_err(|error| self.not_kept(&error))?;
        {
            let mut table = write
                .open_table(TEXTS)
                .map_err(|error| self.not_kept(&error))?;
            for (name, text) in texts {
                table
                    .insert(*name, *text)
                    .map_err(|error| self.not_kept(&error))?;
            }
        }
        write.commit().map_err(|error| self.not_kept(&error))
    }

    /// Writes commits to disk, all or none, and returns when they are there. Blocks.
    pub fn commit(&self, commits: &[Committed]) -> Result<(), PersistError> {
        let write = self
            .database
            .begin_write()
            .map_err(|error| self.not_kept(&error))?;
        {
            let mut objects = write
                .open_table(OBJECTS)
                .map_err(|error| self.not_kept(&error))?;
            let mut newest = 0;
            for Committed { table, event } in commits {
                let key = format!("{table}\0{}", event.key);
                newest = event.revision;
                if event.deleted {
                    objects
                        .remove(key.as_str())
                        .map_err(|error| self.not_kept(&error))?;
                } else {
                    let json = machinery::go_json::to_vec(event.after.entry().written(), None);
                    objects
                        .insert(key.as_str(), json.as_slice())
                        .map_err(|error| self.not_kept(&error))?;
                }
            }
            let mut numbers = write
                .open_table(NUMBERS)
                .map_err(|error| self.not_kept(&error))?;
            numbers
                .insert("revision", newest)
                .map_err(|error| self.not_kept(&error))?;
        }
        write.commit().map_err(|error| self.not_kept(&error))
    }
}

/// Makes the file, if it is missing, readable for its owner alone: Secrets are in it.
fn private(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(file);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Locks a directory for this process, and writes down which that is.
fn own(path: &Path) -> Result<std::fs::File, PersistError> {
    let unusable = |error: std::io::Error| PersistError::Unusable {
        path: path.to_owned(),
        message: error.to_string(),
    };
    let name = path.join(OWNER);
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            let pid = std::fs::read_to_string(&name).unwrap_or_default();
            let owner = match pid.trim() {
                "" => "another process".to_owned(),
                pid => format!("process {pid}"),
            };
            return Err(PersistError::InUse {
                path: path.to_owned(),
                owner,
            });
        }
        Err(std::fs::TryLockError::Error(error)) => return Err(unusable(error)),
    }
    std::fs::write(&name, std::process::id().to_string()).map_err(unusable)?;
    Ok(file)
}

/// Checks every page of a file on a copy in memory: repairing what a crash left behind is fine, but opening the file
/// itself would also write into a damaged one, or trust it.
fn examine(path: &Path, file: &Path) -> Result<(), PersistError> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(PersistError::Unusable {
                path: path.to_owned(),
                message: error.to_string(),
            });
        }
    };
    if bytes.is_empty() {
        return Err(PersistError::Damaged {
            path: path.to_owned(),
            message: "the file is empty".to_owned(),
        });
    }
    let copy = InMemoryBackend::new();
    let opened = copy
        .set_len(bytes.len() as u64)
        .and_then(|()| copy.write(0, &bytes))
        .map_err(|error| error.to_string())
        .and_then(|()| {
            Database::builder()
                .set_check_integrity_on_open(true)
                .create_with_backend(copy)
                .map_err(|error| error.to_string())
        });
    opened.map(drop).map_err(|message| PersistError::Damaged {
        path: path.to_owned(),
        message,
    })
}

/// A state directory shared by the parts of a server.
pub type SharedState = Arc<State>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiserver::Options;
    use crate::clock::WorldClock;
    use machinery::entropy::Entropy;

    fn directory(name: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("carrick-persist-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn what_was_committed_is_there_after_reopening() {
        let path = directory("reopen");
        let now = jiff::Timestamp::from_second(WorldClock::EPOCH_SECONDS).unwrap();
        let mut api = ApiServer::new(Options::default());
        api.store_mut().keep_log();
        api.boot(now, &mut Entropy::seeded(1));
        let log: Vec<Committed> = api.store_mut().take_log().into_iter().collect();
        State::open(&path).unwrap().commit(&log).unwrap();
        let mut again = ApiServer::new(Options::default());
        State::open(&path).unwrap().load(&mut again).unwrap();
        assert_eq!(again.revision(), api.revision());
        let objects = |api: &ApiServer| -> Vec<String> {
            api.store()
                .tables()
                .flat_map(|(_, table)| table.range("", ""))
                .map(|(_, entry)| entry.value.to_string())
                .collect()
        };
        assert!(objects(&api).len() > 4);
        assert_eq!(objects(&again), objects(&api));
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_second_owner_is_told_who_has_the_directory() {
        let path = directory("second");
        let _first = State::open(&path).unwrap();
        let error = State::open(&path).err().unwrap().to_string();
        assert!(
            error.contains(&format!("is in use by process {}", std::process::id())),
            "{error}"
        );
        assert!(error.contains("\nhint: "), "{error}");
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn an_empty_file_is_damaged_and_stays_as_it_is() {
        let path = directory("empty");
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join(FILE), "").unwrap();
        let error = State::open(&path).err().unwrap().to_string();
        assert!(error.contains("is damaged: the file is empty"), "{error}");
        assert_eq!(std::fs::read(path.join(FILE)).unwrap(), b"");
        std::fs::remove_dir_all(path).unwrap();
    }
}
