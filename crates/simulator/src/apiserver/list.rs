//! Lists: revisions, chunks and continue tokens (`apiserver/pkg/storage`).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use machinery::decode::json_word;
use serde_json::Value;

use super::ApiServer;
use super::list_options::{ListOptions, Match, too_large};
use super::registry::Served;
use super::reply::ListMeta;
use super::selection::Selection;
use super::store::{Table, Version};
use crate::status_error::ApiError;

/// Where a chunk begins.
struct Token {
    /// Revision of the list; `None` goes on with the newest state.
    revision: Option<u64>,
    /// First key.
    start: String,
}

fn bad_token(cause: &str) -> ApiError {
    ApiError::bad_request(format!(
        "invalid continue token: continue key is not valid: {cause}"
    ))
}

/// Go's decoder doesn't mind bits that are left over.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

fn decode_token(text: &str, prefix: &str) -> Result<Token, ApiError> {
    let bytes = decoded(text)?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|_| bad_token(&json_complaint(&bytes)))?;
    check_types(&value)?;
    let version = value.get("v").and_then(Value::as_str).unwrap_or_default();
    if version != "meta.k8s.io/v1" {
        return Err(bad_token(&format!(
            "server does not recognize this encoded version {version}"
        )));
    }
    let revision = value.get("rv").and_then(Value::as_i64).unwrap_or_default();
    if revision == 0 {
        return Err(bad_token(
            "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
        ));
    }
    let start = value
        .get("start")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if start.is_empty() {
        return Err(bad_token(
            "encoded start key empty (version meta.k8s.io/v1)",
        ));
    }
    let key = start.trim_start_matches('/');
    if key.split('/').any(|part| part == ".." || part == ".") {
        return Err(bad_token(start));
    }
    Ok(Token {
        revision: u64::try_from(revision).ok(),
        start: format!("{prefix}{key}"),
    })
}

/// Base64 without its end, with Go's complaint about the first byte that is wrong.
fn decoded(text: &str) -> Result<Vec<u8>, ApiError> {
    let bytes: Vec<u8> = text
        .bytes()
        .filter(|byte| !b"\r\n".contains(byte))
        .collect();
    let wrong = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"-_".contains(byte);
    let position = match text
        .bytes()
        .position(|byte| wrong(&byte) && !b"\r\n".contains(&byte))
    {
        None if bytes.len() % 4 == 1 => Some(text.len() - 1),
        position => position,
    };
    if let Some(position) = position {
        return Err(bad_token(&format!(
            "illegal base64 data at input byte {position}"
        )));
    }
    LENIENT
        .decode(bytes)
        .map_err(|error| bad_token(&error.to_string()))
}

/// Fields of other types than Go's struct has, in the order of the text.
fn check_types(token: &Value) -> Result<(), ApiError> {
    let Some(fields) = token.as_object() else {
        let text = format!(
            "json: cannot unmarshal {} into Go value of type storage.continueToken",
            json_word(token)
        );
        return if token.is_null() {
            Ok(())
        } else {
            Err(bad_token(&text))
        };
    };
    for (field, value) in fields {
        let (fits, wanted) = match field.as_str() {
            "v" | "start" => (value.is_string(), "string"),
            "rv" => (value.is_i64(), "int64"),
            _ => continue,
        };
        if !fits && !value.is_null() {
            let shown = match value {
                Value::Number(number) if wanted == "int64" => format!("number {number}"),
                other => json_word(other).to_owned(),
            };
            return Err(bad_token(&format!(
                "json: cannot unmarshal {shown} into Go struct field continueToken.{field} of type {wanted}"
            )));
        }
    }
    Ok(())
}

/// Go's words for bytes that are no JSON.
fn json_complaint(bytes: &[u8]) -> String {
    // Go takes a byte for a character here.
    match bytes.first().copied().map(char::from) {
        None => "unexpected end of JSON input".to_owned(),
        Some(first) => format!("invalid character '{first}' looking for beginning of value"),
    }
}

/// The token after an item with that key.
fn encode_token(revision: i64, key: &str, prefix: &str, slash: bool) -> String {
    let key = key.strip_prefix(prefix).unwrap_or(key);
    let start = if slash {
        format!("/{key}\u{0}")
    } else {
        format!("{key}\u{0}")
    };
    let start = start.replace('\u{0}', "\\u0000");
    URL_SAFE_NO_PAD.encode(format!(
        "{{\"v\":\"meta.k8s.io/v1\",\"rv\":{revision},\"start\":\"{start}\"}}"
    ))
}

const EXPIRED_CONTINUE: &str = "The provided continue parameter is too old to display a consistent list result. \
You can start a new list without the continue parameter, or use the continue token in this response to retrieve the \
remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were \
created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
const EXPIRED_LIST: &str = "The resourceVersion for the provided list is too old.";

/// A list read from the store.
pub(crate) struct Listed {
    /// The items in key order.
    pub entries: Vec<Arc<Version>>,
    /// What the list says about itself.
    pub metadata: ListMeta,
}

impl ApiServer {
    /// Reads a list. `Err` with 504 means that the wanted revision is not there yet.
    pub(crate) fn list(
        &self,
        served: &Served,
        selection: &Selection,
        options: &ListOptions,
    ) -> Result<Listed, ApiError> {
        let current = self.revision();
        let asked = options.resource_version.unwrap_or(0);
        if asked > current {
            return Err(too_large(asked, current));
        }
        if !options.token.is_empty() {
            let token = decode_token(&options.token, &selection.prefix)?;
            let Some(revision) = token.revision else {
                return Ok(chunk(
                    self.newest(served, selection, (&token.start, options.limit))?,
                    selection,
                    current,
                ));
            };
            if revision > current {
                return Err(too_large(revision, current));
            }
            let window = (token.start.as_str(), options.limit);
            return if let Some(items) = self.past(served, revision, selection, window)? {
                Ok(chunk(items, selection, revision))
            } else {
                let key = token.start.trim_end_matches('\u{0}');
                let next = encode_token(-1, key, &selection.prefix, false);
                Err(ApiError::expired(EXPIRED_CONTINUE).with_continue(next))
            };
        }
        let exact = match options.version_match {
            Match::Exact => true,
            Match::NotOlderThan => false,
            Match::Unset => options.limit > 0 && asked > 0,
        };
        if exact && asked < current {
            let items = self.past(served, asked, selection, ("", options.limit))?;
            let items = items.ok_or_else(|| ApiError::expired(EXPIRED_LIST))?;
            return Ok(chunk(items, selection, asked));
        }
        // A list of "anything" is served from a cache, which knows no chunks.
        let limit = if options.resource_version == Some(0) && options.version_match == Match::Unset
        {
            0
        } else {
            options.limit
        };
        Ok(chunk(
            self.newest(served, selection, ("", limit))?,
            selection,
            current,
        ))
    }

    /// All selected objects now, in key order.
    pub(crate) fn selected(
        &self,
        served: &Served,
        selection: &Selection,
    ) -> Result<Items, ApiError> {
        Ok(self.newest(served, selection, ("", 0))?.selected)
    }

    /// What there was at a revision, from `start` on; `None` if that is older than the history.
    fn past(
        &self,
        served: &Served,
        revision: u64,
        selection: &Selection,
        (start, limit): (&str, usize),
    ) -> Result<Option<Read>, ApiError> {
        let Some(table) = self.store.table(&served.table) else {
            return Ok((revision >= self.store.forgotten()).then(Read::default));
        };
        table
            .versions_at(revision, &selection.prefix, start)
            .map(|versions| self.read_window(served, selection, limit, versions))
            .transpose()
    }

    fn newest(
        &self,
        served: &Served,
        selection: &Selection,
        (start, limit): (&str, usize),
    ) -> Result<Read, ApiError> {
        let Some(table) = self.store.table(&served.table) else {
            return Ok(Read::default());
        };
        if let (Some(name), true, None) = (selection.single_name(), start.is_empty(), served.asks())
            && !selection.prefix.is_empty()
        {
            return Ok(single(table, selection, name));
        }
        let versions = table.versions(&selection.prefix, start);
        self.read_window(served, selection, limit, versions)
    }

    /// Reads as many selected objects as are asked for. Selectors are about objects as a client sees them, in the version of
    /// `served`.
    fn read_window<'a>(
        &self,
        served: &Served,
        selection: &Selection,
        limit: usize,
        versions: impl Iterator<Item = (&'a Arc<str>, &'a Arc<Version>)>,
    ) -> Result<Read, ApiError> {
        if served.asks().is_none() {
            return Ok(window(versions, selection, limit));
        }
        let items: Items = versions.map(|(k, v)| (k.clone(), v.clone())).collect();
        let items = self.cached_entries(served, items)?;
        let versions = items.iter().map(|(key, version)| (key, version));
        Ok(window(versions, selection, limit))
    }
}

/// Objects by key.
pub(crate) type Items = Vec<(Arc<str>, Arc<Version>)>;

/// What was read of a table.
#[derive(Default)]
struct Read {
    /// The selected objects, in key order; no more than were asked for.
    selected: Items,
    /// Whether there are keys after them, also of objects that aren't selected.
    goes_on: bool,
    /// How many objects there are after them; not counted where selectors narrow the selection.
    rest: usize,
}

fn window<'a>(
    versions: impl Iterator<Item = (&'a Arc<str>, &'a Arc<Version>)>,
    selection: &Selection,
    limit: usize,
) -> Read {
    let mut read = Read::default();
    let filtered = selection.is_filtered();
    for (key, version) in versions {
        if limit > 0 && read.selected.len() == limit {
            read.goes_on = true;
            if filtered {
                break;
            }
            read.rest += 1;
        } else if !filtered || selection.matches(key, &version.entry().value) {
            read.selected.push((key.clone(), version.clone()));
        }
    }
    read
}

fn single(table: &Table, selection: &Selection, name: &str) -> Read {
    let key = format!("{}{name}", selection.prefix);
    let found = table
        .get(&key)
        .filter(|entry| selection.matches(&key, &entry.value));
    let found = found.map(|entry| (Arc::from(key.as_str()), Arc::new(Version::new(entry))));
    Read {
        selected: found.into_iter().collect(),
        ..Read::default()
    }
}

/// A list of what was read, with a token where it goes on; there is nothing after the one object of a name.
fn chunk(read: Read, selection: &Selection, revision: u64) -> Listed {
    let mut metadata = ListMeta {
        resource_version: revision.to_string(),
        ..ListMeta::default()
    };
    let is_single = selection.single_name().is_some() && !selection.prefix.is_empty();
    if let Some((key, _)) = read.selected.last()
        && read.goes_on
        && !is_single
    {
        metadata.next = encode_token(
            i64::try_from(revision).unwrap_or(i64::MAX),
            key,
            &selection.prefix,
            true,
        );
        if !selection.is_filtered() {
            metadata.remaining = Some(read.rest);
        }
    }
    let selected = read.selected.into_iter();
    Listed {
        entries: selected.map(|(_, version)| version).collect(),
        metadata,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use jiff::Timestamp;
    use serde_json::json;

    use super::super::store::{Bounds, Store};
    use super::*;
    use crate::apiserver::registry::Registry;
    use crate::conformance::request;

    /// What is read of a table of a thousand, of which every tenth has a label: the numbers of the selected, how many were
    /// looked at, whether it goes on and how many are left.
    fn read(selector: &str, start: &str, limit: usize) -> (Vec<u64>, usize, bool, usize) {
        let mut store = Store::new(Bounds {
            history_seconds: 300,
            history_bytes: usize::MAX,
            whole_bytes: usize::MAX,
            object_bytes: usize::MAX,
        });
        for number in 0..1000 {
            let labels = json!({"tenth": (number % 10 == 0).to_string()});
            let object = json!({"number": number, "metadata": {"labels": labels}});
            store.put(
                "t",
                &format!("n/{number:03}"),
                object,
                Timestamp::UNIX_EPOCH,
            );
        }
        let then = store.revision();
        for number in 0..1000 {
            store.remove("t", &format!("n/{number:03}"), Timestamp::UNIX_EPOCH);
        }
        let path = format!("/api/v1/namespaces/n/configmaps?labelSelector={selector}");
        let registry = Registry::builtin();
        let served = registry.get("", "v1", "configmaps").unwrap();
        let request = request("GET", &path, b"", None);
        let selection = Selection::of_request(&request, served, "n").unwrap();
        let table = store.table("t").unwrap();
        let seen = Cell::new(0);
        let versions = table.versions_at(then, "n/", start).unwrap();
        let counted = versions.inspect(|_| seen.set(seen.get() + 1));
        let read = window(counted, &selection, limit);
        let number =
            |(_, version): &(Arc<str>, Arc<Version>)| version.entry().value["number"].as_u64();
        let numbers = read.selected.iter().filter_map(number).collect();
        (numbers, seen.get(), read.goes_on, read.rest)
    }

    #[test]
    fn of_a_table_a_window_is_read() {
        assert_eq!(read("", "n/990", 3), (vec![990, 991, 992], 10, true, 7));
        assert_eq!(read("", "n/997", 3), (vec![997, 998, 999], 3, false, 0));
        let tenth = |start, limit| read("tenth%3Dtrue", start, limit);
        assert_eq!(tenth("n/501", 2), (vec![510, 520], 21, true, 0));
        assert_eq!(tenth("n/980", 2), (vec![980, 990], 12, true, 0));
        assert_eq!(tenth("n/985", 2), (vec![990], 15, false, 0));
        assert_eq!(tenth("n/985", 0), (vec![990], 15, false, 0));
    }

    #[test]
    fn tokens_come_back_as_they_went() {
        let text = encode_token(436, "conf-err/c1", "conf-err/", true);
        let token = decode_token(&text, "conf-err/").unwrap();
        assert_eq!(
            (token.revision, token.start.as_str()),
            (Some(436), "conf-err/c1\u{0}")
        );
    }

    #[test]
    fn a_token_looks_as_the_real_servers_does() {
        let token = encode_token(436, "conf-err/c1", "conf-err/", true);
        assert_eq!(
            token,
            "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NDM2LCJzdGFydCI6Ii9jMVx1MDAwMCJ9"
        );
        assert_eq!(json!("/c1\u{0}").to_string(), "\"/c1\\u0000\"");
    }
}

#[test]
fn what_is_wrong_with_a_token_is_said_in_gos_words() {
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let complaint = |token: &str| {
        let error = decode_token(token, "")
            .err()
            .map(|error| error.message.clone());
        let error = error.unwrap_or_default();
        error
            .rsplit("not valid: ")
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    for (token, wanted) in [
        ("x".to_owned(), "illegal base64 data at input byte 0"),
        ("ew==".to_owned(), "illegal base64 data at input byte 2"),
        (
            encoded("[1]"),
            "json: cannot unmarshal array into Go value of type storage.continueToken",
        ),
        (
            encoded(r#"{"v":1}"#),
            "json: cannot unmarshal number into Go struct field continueToken.v of type string",
        ),
        (
            encoded("{}"),
            "server does not recognize this encoded version ",
        ),
        (encoded(r#"{"v":"meta.k8s.io/v1","rv":1,"start":"a"}"#), ""),
    ] {
        assert_eq!(complaint(&token), wanted, "{token}");
    }
}
