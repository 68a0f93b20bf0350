//! The folders of a pod's volumes. A volume of files is replaced as a whole: `..data` leads to a folder of its own, so a program
//! sees either the old files or the new ones (`pkg/volume/util/atomic_writer.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Result};
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};

use simulator::nodes::containers::{Files, Volume};

/// What leads to the files as they are now.
const DATA: &str = "..data";

/// Makes the folders of volumes, or brings them up to date, below `folder`. Those of claims are links to what is kept in
/// `claims`.
pub fn write(folder: &Path, claims: &Path, volumes: &BTreeMap<String, Volume>) -> Result<()> {
    make_private(folder)?;
    for (name, volume) in volumes {
        let folder = folder.join(name);
        match volume {
            Volume::Empty => make_private(&folder)?,
            Volume::Files(files) => {
                make_private(&folder)?;
                replace(&folder, files)?;
            }
            Volume::Claim(claim) => {
                // No name of an object has an underscore.
                let kept = claims.join(claim.replace('/', "_"));
                make_private(&kept)?;
                match symlink(kept, folder) {
                    Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// A folder that only its owner can enter: it may hold Secrets.
pub fn make_private(folder: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

fn replace(folder: &Path, files: &Files) -> Result<()> {
    let data = folder.join(DATA);
    let before = std::fs::read_link(&data).ok();
    let number = before
        .as_ref()
        .and_then(|before| before.to_str()?.strip_prefix("..")?.parse::<u64>().ok())
        .unwrap_or(0);
    let name = format!("..{}", number + 1);
    let new = folder.join(&name);
    make_private(&new)?;
    for (path, content) in files {
        let file = new.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, content)?;
    }
    let prepared = folder.join("..data_tmp");
    symlink(&name, &prepared)?;
    std::fs::rename(&prepared, &data)?;
    link_all(folder, files)?;
    match before {
        Some(before) => std::fs::remove_dir_all(folder.join(before)),
        None => Ok(()),
    }
}

/// Every first part of a path leads into the current folder, and nothing else is there.
fn link_all(folder: &Path, files: &Files) -> Result<()> {
    let firsts: BTreeSet<&str> = files
        .keys()
        .filter_map(|path| path.split('/').find(|part| !part.is_empty()))
        .collect();
    for first in &firsts {
        let target = PathBuf::from(DATA).join(first);
        match symlink(target, folder.join(first)) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("..") && !firsts.contains(&*name) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(pairs: &[(&str, &str)]) -> BTreeMap<String, Volume> {
        let files = pairs
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        BTreeMap::from([("v".to_owned(), Volume::Files(files.collect()))])
    }

    #[test]
    fn new_files_replace_old_ones_as_a_whole() {
        let root = std::env::temp_dir().join(format!("carrick-volumes-{}", std::process::id()));
        let read = |path: &str| std::fs::read_to_string(root.join("v").join(path)).ok();
        write(&root, &root, &files(&[("a", "1"), ("sub/b", "2")])).unwrap();
        assert_eq!(
            (read("a"), read("sub/b")),
            (Some("1".to_owned()), Some("2".to_owned()))
        );
        let first = std::fs::read_link(root.join("v/..data")).unwrap();
        write(&root, &root, &files(&[("a", "3"), ("c", "4")])).unwrap();
        assert_eq!(
            (read("a"), read("sub/b"), read("c")),
            (Some("3".to_owned()), None, Some("4".to_owned()))
        );
        assert_ne!(std::fs::read_link(root.join("v/..data")).unwrap(), first);
        let names = std::fs::read_dir(root.join("v")).unwrap();
        let mut names: Vec<String> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["..2", "..data", "a", "c"]);
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_a_claim_holds_is_the_next_pods_too() {
        let root = std::env::temp_dir().join(format!("carrick-claims-{}", std::process::id()));
        let claims = root.join("claims");
        let volume = BTreeMap::from([("v".to_owned(), Volume::Claim("default/data".to_owned()))]);
        for pod in ["one", "one", "two"] {
            write(&root.join(pod), &claims, &volume).unwrap();
        }
        std::fs::write(root.join("one/v/file"), "kept").unwrap();
        std::fs::remove_dir_all(root.join("one")).unwrap();
        assert_eq!(std::fs::read(root.join("two/v/file")).unwrap(), b"kept");
        std::fs::remove_dir_all(root).unwrap();
    }
}
