//! Documents once they are made, kept as long as the definitions stay as they are.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::{ApiServer, discovery, reply};
use super::document::{self, Content, GroupVersion};
use super::plain::{self, Plain};
use super::{Form, gnostic, hash};

/// What one document is made from.
pub(super) enum Source {
    /// A group version.
    Version(GroupVersion),
    /// What is outside of them.
    Plain(Plain),
}

impl Source {
    fn place(&self) -> String {
        match self {
            Self::Version(version) => version.place(),
            Self::Plain(plain) => plain.place.clone(),
        }
    }

    fn hash(&self) -> String {
        match self {
            Self::Version(version) => version.hash(),
            Self::Plain(plain) => plain.hash(),
        }
    }

    fn version_3(&self) -> Value {
        match self {
            Self::Version(version) => version.version_3(),
            Self::Plain(plain) => plain.version_3(),
        }
    }

    /// Adds its paths and schemas to a document of several.
    pub(super) fn add_to(&self, content: &mut Content, form: Form) {
        match self {
            Self::Version(version) => version.add_to(content, form),
            Self::Plain(plain) => plain.add_to(content, form),
        }
    }
}

/// One document of version 3.
pub(super) struct Document {
    /// `api/v1`, `apis/GROUP/VERSION`, `version`.
    place: String,
    /// Changes exactly when the document does.
    pub(super) hash: String,
    source: Source,
    body: Option<Bytes>,
}

impl Document {
    fn new(source: Source) -> Self {
        Self {
            place: source.place(),
            hash: source.hash(),
            source,
            body: None,
        }
    }

    /// Its text.
    pub(super) fn body(&mut self) -> Bytes {
        let source = &self.source;
        let text = || Bytes::from(source.version_3().to_string());
        self.body.get_or_insert_with(text).clone()
    }
}

/// The document of everything in one media type.
pub(super) struct Swagger {
    /// As it is.
    pub(super) plain: Bytes,
    /// Compressed, once somebody asks for it.
    compressed: Option<Bytes>,
}

impl Swagger {
    /// Compressed, if that can be done.
    pub(super) fn compressed(&mut self) -> Option<Bytes> {
        if self.compressed.is_none() {
            self.compressed = reply::compress(&self.plain);
        }
        self.compressed.clone()
    }
}

/// All documents of one state of the definitions. They are made when somebody asks for them.
#[derive(Default)]
pub(crate) struct Kept {
    /// That state, once somebody asked.
    generation: Option<u64>,
    documents: Vec<Document>,
    index: Option<Bytes>,
    /// In JSON and in protobuf.
    swagger: [Option<Swagger>; 2],
}

impl Kept {
    /// Those of the server as it is.
    pub(super) fn of(api: &mut ApiServer) -> &mut Self {
        let generation = Some(api.registry().generation());
        if api.open_api.generation != generation {
            let sources = sources(api);
            api.open_api.renew(sources);
            api.open_api.generation = generation;
        }
        &mut api.open_api
    }

    /// What is as it was stays; the document of everything is another one.
    fn renew(&mut self, sources: Vec<Source>) {
        let before = std::mem::take(self).documents.into_iter();
        let mut bodies: BTreeMap<(String, String), Bytes> = before
            .filter_map(|old| Some(((old.place, old.hash), old.body?)))
            .collect();
        let documents = sources.into_iter().map(|source| {
            let mut document = Document::new(source);
            document.body = bodies.remove(&(document.place.clone(), document.hash.clone()));
            document
        });
        self.documents = documents.collect();
    }

    /// The document of a place.
    pub(super) fn at(&mut self, place: &str) -> Option<&mut Document> {
        let mut documents = self.documents.iter_mut();
        documents.find(|document| document.place == place)
    }

    /// Where each document is.
    pub(super) fn index(&mut self) -> Bytes {
        let documents = &self.documents;
        let index = || {
            let paths: BTreeMap<&str, Value> = documents
                .iter()
                .map(|Document { place, hash, .. }| {
                    let url = format!("/openapi/v3/{place}?hash={hash}");
                    (place.as_str(), json!({ "serverRelativeURL": url }))
                })
                .collect();
            Bytes::from(json!({ "paths": paths }).to_string())
        };
        self.index.get_or_insert_with(index).clone()
    }

    /// Changes when some document does.
    pub(super) fn hashes(&self) -> String {
        let hashes = self.documents.iter().map(|document| document.hash.as_str());
        hashes.collect()
    }

    /// The document of everything, as JSON or in protobuf.
    pub(super) fn swagger(&mut self, json: bool) -> &mut Swagger {
        let documents = &self.documents;
        let [in_json, in_protobuf] = &mut self.swagger;
        let kept = if json { in_json } else { in_protobuf };
        kept.get_or_insert_with(|| {
            let document = document::version_2(documents.iter().map(|document| &document.source));
            let plain = if json {
                document.to_string().into()
            } else {
                gnostic::document(&document).into()
            };
            Swagger {
                plain,
                compressed: None,
            }
        })
    }
}

/// Group versions in the order of discovery, then what is outside of them.
fn sources(api: &ApiServer) -> Vec<Source> {
    let groups = discovery::groups(api);
    let customs: Vec<_> = api
        .registry()
        .custom()
        .map(|(_, version)| version.clone())
        .collect();
    let builtin = groups
        .iter()
        .map(|group| group.name.as_str())
        .filter(|name| !name.is_empty() && api.registry().is_builtin_group(name));
    let others = plain::all(builtin).into_iter().map(Source::Plain);
    let mut all = Vec::new();
    for group in &groups {
        // What somebody else serves isn't described.
        let versions = group.versions.iter();
        for (version, entries) in versions.filter(|(_, entries)| !entries.is_empty()) {
            let (group, version) = (group.name.clone(), version.clone());
            let version = GroupVersion::new(group, version, entries.clone(), &customs);
            all.push(Source::Version(version));
        }
    }
    all.extend(others);
    all
}

/// The hash of a media type's document of everything.
pub(super) fn tag(kept: &Kept, content_type: &str) -> String {
    let form = format!("{}{content_type}", kept.hashes());
    format!("\"{}\"", hash(form.as_bytes()))
}
