//! Lists and watch frames, decoded straight into projections.
//!
//! The server writes `type` before `object`, so that the object is decoded in one pass into what is kept of it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::cache::{Cache, Projection};
use crate::resource::ObjectKey;

/// Metadata of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListMeta {
    pub(super) resource_version: String,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) r#continue: String,
}

/// One page.
pub(super) struct List<P> {
    pub(super) metadata: ListMeta,
    pub(super) items: Vec<P>,
    /// Objects that cannot be decoded.
    pub(super) skipped: Vec<(ObjectKey, serde_json::Error)>,
}

/// One watch event.
pub(super) enum Frame<P> {
    /// ADDED or MODIFIED.
    Changed { object: P, resource_version: String },
    /// DELETED.
    Deleted {
        key: ObjectKey,
        uid: String,
        resource_version: String,
    },
    /// BOOKMARK.
    Bookmark { resource_version: String },
    /// ADDED or MODIFIED, but not readable.
    Malformed {
        key: ObjectKey,
        error: serde_json::Error,
        resource_version: String,
    },
    /// ERROR, the end of the watch.
    Error {
        code: u16,
        reason: String,
        message: String,
    },
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Decodes a page; if one object is malformed, object by object. One that is nested more deeply than JSON is read here is
/// malformed like any other.
pub(super) fn decode_list<P: Projection>(bytes: &[u8]) -> Result<List<P>, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de>")]
    struct Page<T> {
        #[serde(default)]
        metadata: ListMeta,
        #[serde(default = "Vec::new", deserialize_with = "null_is_default")]
        items: Vec<T>,
    }
    if let Ok(Page { metadata, items }) = serde_json::from_slice::<Page<P>>(bytes) {
        return Ok(List {
            metadata,
            items,
            skipped: Vec::new(),
        });
    }
    let Page {
        metadata,
        items: values,
    } = serde_json::from_slice::<Page<&RawValue>>(bytes)?;
    let mut items = Vec::new();
    let mut skipped = Vec::new();
    for value in values {
        match serde_json::from_str(value.get()) {
            Ok(item) => items.push(item),
            Err(error) => {
                let Gone { metadata } = serde_json::from_str(value.get()).unwrap_or_default();
                skipped.push((metadata.key(), error));
            }
        }
    }
    Ok(List {
        metadata,
        items,
        skipped,
    })
}

/// The version that a line of a watch shows, if the cache already holds this state of the object or a newer one.
pub(super) fn version_of<P: Projection>(line: &[u8], cache: &Cache<P>) -> Option<String> {
    #[derive(Deserialize)]
    struct Line<'a> {
        r#type: &'a str,
        object: Gone,
    }
    let Line { r#type, object } = serde_json::from_slice(line).ok()?;
    let metadata = object.metadata;
    let version: u64 = metadata.resource_version.parse().ok()?;
    let held = cache.get(&metadata.key())?;
    let known = matches!(r#type, "ADDED" | "MODIFIED") && version <= held.meta().version;
    known.then_some(metadata.resource_version)
}

/// Decodes a line of a watch.
pub(super) fn decode_frame<P: Projection>(line: &[u8]) -> Result<Frame<P>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    match (FrameSeed {
        projection: PhantomData,
    })
    .deserialize(&mut deserializer)
    {
        Ok(frame) => Ok(frame),
        Err(error) => decode_malformed(line, error),
    }
}

/// What can be said of a frame whose object is malformed. Fails if the line is no frame at all.
fn decode_malformed<P>(
    line: &[u8],
    error: serde_json::Error,
) -> Result<Frame<P>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Line {
        object: Gone,
    }
    match serde_json::from_slice::<Line>(line) {
        Ok(Line { object }) if !object.metadata.resource_version.is_empty() => {
            Ok(Frame::Malformed {
                key: object.metadata.key(),
                error,
                resource_version: object.metadata.resource_version,
            })
        }
        Ok(_) | Err(_) => Err(error),
    }
}

struct FrameSeed<P> {
    projection: PhantomData<P>,
}

impl<'de, P: Projection> DeserializeSeed<'de> for FrameSeed<P> {
    type Value = Frame<P>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, P: Projection> Visitor<'de> for FrameSeed<P> {
    type Value = Frame<P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a watch event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kind = String::new();
        let mut frame = None;
        while let Some(field) = map.next_key::<String>()? {
            match (field.as_str(), kind.as_str()) {
                ("type", _) => kind = map.next_value()?,
                ("object", "ADDED" | "MODIFIED") => {
                    let object: P = map.next_value()?;
                    let resource_version = object.meta().version.to_string();
                    frame = Some(Frame::Changed {
                        object,
                        resource_version,
                    });
                }
                ("object", "DELETED") => {
                    let Gone { metadata } = map.next_value()?;
                    frame = Some(Frame::Deleted {
                        key: metadata.key(),
                        uid: metadata.uid,
                        resource_version: metadata.resource_version,
                    });
                }
                ("object", "BOOKMARK") => {
                    let Gone { metadata } = map.next_value()?;
                    frame = Some(Frame::Bookmark {
                        resource_version: metadata.resource_version,
                    });
                }
                ("object", "ERROR") => {
                    let Failure {
                        code,
                        reason,
                        message,
                    } = map.next_value()?;
                    frame = Some(Frame::Error {
                        code,
                        reason,
                        message,
                    });
                }
                ("object", _) => return Err(A::Error::custom("`object` before a known `type`")),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        frame.ok_or_else(|| A::Error::missing_field("object"))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Gone {
    metadata: GoneMeta,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct GoneMeta {
    namespace: String,
    name: String,
    uid: String,
    resource_version: String,
}

impl GoneMeta {
    fn key(&self) -> ObjectKey {
        ObjectKey::new(&self.namespace, &self.name)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    code: u16,
    reason: String,
    message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Meta, Whole};

    #[test]
    fn frames_of_every_type_are_told_apart() {
        let line = |kind: &str, object: &str| format!(r#"{{"type":"{kind}","object":{object}}}"#);
        let object = r#"{"metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"7"}}"#;
        let seen: Vec<String> = [
            line("ADDED", object),
            line("DELETED", object),
            line(
                "BOOKMARK",
                r#"{"metadata":{"resourceVersion":"9","creationTimestamp":null}}"#,
            ),
            line(
                "ERROR",
                r#"{"kind":"Status","code":410,"reason":"Expired","message":"too old"}"#,
            ),
            line(
                "MODIFIED",
                r#"{"metadata":{"name":"b","namespace":"n","resourceVersion":"8","labels":5}}"#,
            ),
        ]
        .iter()
        .map(
            |line| match decode_frame::<Meta>(line.as_bytes()).unwrap() {
                Frame::Changed {
                    object,
                    resource_version,
                } => format!("changed {} {resource_version}", object.key),
                Frame::Deleted {
                    key,
                    uid,
                    resource_version,
                } => format!("deleted {key} {uid} {resource_version}"),
                Frame::Bookmark { resource_version } => format!("bookmark {resource_version}"),
                Frame::Malformed {
                    key,
                    resource_version,
                    error: _,
                } => format!("malformed {key} {resource_version}"),
                Frame::Error {
                    code,
                    reason,
                    message,
                } => format!("error {code} {reason} {message}"),
            },
        )
        .collect();
        assert_eq!(
            seen,
            [
                "changed n/a 7",
                "deleted n/a u 7",
                "bookmark 9",
                "error 410 Expired too old",
                "malformed n/b 8"
            ]
        );
    }

    #[test]
    fn one_malformed_object_does_not_cost_the_page() {
        let page = r#"{"metadata":{"resourceVersion":"5","continue":"t"},"items":[
            {"metadata":{"name":"a","namespace":"n"}},{"metadata":{"name":"b","namespace":"n","labels":[]}}]}"#;
        let List {
            metadata,
            items,
            skipped,
        } = decode_list::<Meta>(page.as_bytes()).unwrap();
        assert_eq!(
            (
                metadata.resource_version.as_str(),
                metadata.r#continue.as_str()
            ),
            ("5", "t")
        );
        assert_eq!(
            items
                .iter()
                .map(|meta| meta.key.to_string())
                .collect::<Vec<_>>(),
            ["n/a"]
        );
        assert_eq!(
            skipped
                .iter()
                .map(|(key, _)| key.to_string())
                .collect::<Vec<_>>(),
            ["n/b"]
        );
    }

    #[test]
    fn an_object_nested_too_deeply_costs_neither_its_page_nor_its_watch() {
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
        let object = format!(
            r#"{{"metadata":{{"name":"b","namespace":"n","resourceVersion":"8"}},"spec":{deep}}}"#
        );
        let page = format!(
            r#"{{"metadata":{{"resourceVersion":"9"}},"items":[{object},{{"metadata":{{"name":"a","namespace":"n"}}}}]}}"#
        );
        let list = decode_list::<Whole>(page.as_bytes()).unwrap();
        let names: Vec<String> = list
            .items
            .iter()
            .map(|whole| whole.meta().key.to_string())
            .collect();
        let (key, error) = list.skipped.first().unwrap();
        assert_eq!(
            (names, key.to_string()),
            (vec!["n/a".to_owned()], "n/b".to_owned())
        );
        assert!(
            error.to_string().starts_with("recursion limit exceeded"),
            "{error}"
        );
        let line = format!(r#"{{"type":"MODIFIED","object":{object}}}"#);
        match decode_frame::<Whole>(line.as_bytes()).unwrap() {
            Frame::Malformed {
                key,
                resource_version,
                error: _,
            } => assert_eq!(
                (key.to_string(), resource_version),
                ("n/b".to_owned(), "8".to_owned())
            ),
            _ => panic!("read"),
        }
    }

    #[test]
    fn an_empty_list_may_say_null() {
        let List { items, .. } =
            decode_list::<Whole>(br#"{"metadata":{"resourceVersion":"5"},"items":null}"#).unwrap();
        assert!(items.is_empty());
    }
}
