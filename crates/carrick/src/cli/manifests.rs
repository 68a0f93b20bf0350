//! Texts of files that users name, of folders of them, and of standard input.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{fail, message};

/// How the names of files in a folder end that are looked at, as in kubectl.
const ENDINGS: [&str; 3] = ["json", "yaml", "yml"];

/// The text of a file, or of standard input for `-`. An error names the file.
pub fn text_of(file: &Path) -> Result<String> {
    let name = || file.display().to_string();
    let bytes = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    text(bytes.with_context(name)?).with_context(name)
}

/// Fails as kubectl does where files were named and no object is in any of them.
pub fn nothing<T>(command: &str) -> Result<T> {
    fail(format!(
        "no objects passed to {command}\nhint: is the file, or what writes to standard input, empty?"
    ))
}

/// Bytes as a text; an error says where they are none.
fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).or_else(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..at).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        fail(format!(
            "line {line}: the byte at offset {at} is no UTF-8\nhint: save the file as UTF-8"
        ))
    })
}

/// The files that are meant by names of files and folders, each folder's in the order of their names. Of a folder these are
/// `.json`, `.yaml` and `.yml`, with those below it if `recursive`. What is no file in a folder is left out and named: reading a
/// pipe, for example, might never end.
pub fn files(names: &[PathBuf], recursive: bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in names {
        if !name.is_dir() {
            found.push(name.clone());
            continue;
        }
        let before = found.len();
        of_folder(name, recursive, &mut found)?;
        if found.len() == before {
            let further = if recursive {
                ""
            } else {
                "; -R looks into the folders below it too"
            };
            return fail(format!(
                "{}: no file here ends in .json, .yaml or .yml{further}",
                name.display()
            ));
        }
    }
    Ok(found)
}

fn of_folder(folder: &Path, recursive: bool, found: &mut Vec<PathBuf>) -> Result<()> {
    let name = || folder.display().to_string();
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(name)? {
        paths.push(entry.with_context(name)?.path());
    }
    paths.sort();
    for path in paths {
        // A link to a folder isn't followed: it may lead back here.
        if path.is_dir() {
            if recursive && !path.is_symlink() {
                of_folder(&path, recursive, found)?;
            }
            continue;
        }
        let ending = path.extension().and_then(|ending| ending.to_str());
        if !ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
            continue;
        }
        // A link that leads nowhere is told when it is read.
        if path.metadata().is_ok_and(|what| !what.is_file()) {
            let path = path.display();
            message(&format!(
                "warning: {path} is left out: it is no regular file"
            ));
        } else {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_no_text_has_a_place() {
        let error = text(b"kind: A\nname: \xff\n".to_vec()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: the byte at offset 14 is no UTF-8\nhint: save the file as UTF-8"
        );
    }

    #[test]
    fn a_folder_is_its_manifests_and_with_recursion_those_below() {
        let name = format!("carrick-manifests-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let below = folder.join("below");
        std::fs::create_dir_all(&below).unwrap();
        for name in ["b.yaml", "a.yml", "c.json", "d.txt"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        std::fs::write(below.join("e.yaml"), "").unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(folder.join("pipe.yaml"))
            .status();
        assert!(pipe.unwrap().success());
        let here = ["a.yml", "b.yaml", "c.json"].map(|name| folder.join(name));
        let names = std::slice::from_ref(&folder);
        assert_eq!(files(names, false).unwrap(), here);
        let all = [&here[..2], &[below.join("e.yaml")], &here[2..]].concat();
        assert_eq!(files(names, true).unwrap(), all);
        std::fs::remove_file(below.join("e.yaml")).unwrap();
        let error = files(&[below], false).unwrap_err().to_string();
        assert!(error.contains("no file here ends in"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
