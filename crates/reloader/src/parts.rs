//! A configuration in parts: what is too large for one Secret is spread over several, which one volume shows in one folder.
//!
//! Beside `prometheus.yaml.gz`, which is the first part, stands `prometheus.yaml.gz.parts`: a line for each further part, the
//! SHA-256 of its content in hexadecimal digits. The part is `prometheus.yaml.gz.<digest>`. The kubelet takes over one Secret
//! after the other, so what is seen may be of two times; then a part that the list names isn't there.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::error::Error;
use crate::files::{self, with_end};

/// The end of the name of the list.
const LIST: &str = ".parts";
/// Characters of a digest.
const DIGITS: usize = 64;
/// More than any list has: ten thousand parts.
const LONGEST: u64 = 10_000 * (DIGITS as u64 + 1);

/// The parts of a file, read one after the other.
#[derive(Debug)]
pub(crate) struct Parts {
    files: VecDeque<File>,
}

/// Opens a configuration and, if it has any, its further parts: all are open before the first is read.
///
/// # Errors
/// If a part isn't there, or the list names none.
pub(crate) fn open(config: &Path) -> Result<Parts, Error> {
    let first = files::open(config).map_err(Error::file("read config file", config))?;
    let mut files = VecDeque::from([first]);
    let list = with_end(config, LIST);
    for digest in read_list(&list)?.lines() {
        if digest.len() != DIGITS || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let line = digest.to_owned();
            return Err(Error::List { list, line });
        }
        let part = with_end(config, &format!(".{digest}"));
        match files::open(&part) {
            Ok(file) => files.push_back(file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::Part { list, part });
            }
            Err(error) => return Err(Error::file("read config file", part)(error)),
        }
    }
    Ok(Parts { files })
}

/// The list; empty for a configuration that is whole.
fn read_list(list: &Path) -> Result<String, Error> {
    let mut text = String::new();
    match files::open(list) {
        Ok(file) => {
            let read = file.take(LONGEST).read_to_string(&mut text);
            read.map_err(Error::file("read", list))?;
            Ok(text)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(text),
        Err(error) => Err(Error::file("read", list)(error)),
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(file) = self.files.front_mut() {
            let count = file.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.files.pop_front();
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Folder;

    const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222222222222222222222222222";

    fn text(folder: &Folder) -> Result<String, String> {
        let mut text = String::new();
        let mut parts = open(&folder.path("c")).map_err(|error| {
            let text = error.to_string();
            text.replace(&folder.path("").display().to_string(), "")
        })?;
        parts.read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn a_list_tells_which_parts_follow_in_which_order() {
        let folder = Folder::new();
        assert!(text(&folder).unwrap_err().starts_with("read config file c"));
        folder.file("c", b"a");
        assert_eq!(text(&folder).as_deref(), Ok("a"));
        folder.file(&format!("c.{ONE}"), b"");
        folder.file(&format!("c.{TWO}"), b"b");
        assert_eq!(text(&folder).as_deref(), Ok("a"));
        folder.file("c.parts", format!("{TWO}\n{ONE}\n{TWO}\n").as_bytes());
        assert_eq!(text(&folder).as_deref(), Ok("abb"));
        folder.file("c.parts", b"");
        assert_eq!(text(&folder).as_deref(), Ok("a"));
    }

    #[test]
    fn parts_that_are_of_another_time_are_waited_for() {
        let folder = Folder::new();
        folder.file("c", b"a");
        folder.file("c.parts", format!("{ONE}\n").as_bytes());
        folder.file(&format!("c.{TWO}"), b"b");
        let told = text(&folder).unwrap_err();
        let wanted = format!(
            "c.{ONE}, a part that c.parts names, isn't there yet: the kubelet brings the Secrets of a configuration one after \
             the other, and the last configuration stays until all are there"
        );
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_list_holds_digests_and_nothing_else() {
        let folder = Folder::new();
        folder.file("c", b"a");
        for line in ["../../etc/passwd", "12", &ONE.replace('1', "g")] {
            folder.file("c.parts", line.as_bytes());
            let told = text(&folder).unwrap_err();
            assert_eq!(told, format!("c.parts: {line:?} is no SHA-256 digest"));
        }
    }
}
