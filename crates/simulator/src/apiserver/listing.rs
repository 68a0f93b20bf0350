//! Lists on their way to a client. What a list holds is read at once, what is written of it is made portion by portion:
//! nothing of it is rendered while the world is locked, and a client that takes nothing costs a portion, not the list
//! (`apimachinery/pkg/runtime/serializer/json/collections.go`, `apiserver/pkg/endpoints/handlers/responsewriters`).

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::HeaderMap;
use jiff::Timestamp;
use machinery::schema::{TypeId, TypeTable};
use machinery::{go_json, yaml};
use serde_json::{Value, json};

use super::handle::Call;
use super::list::Listed;
use super::negotiate::{Encoding, Form, Transform};
use super::registry::Served;
use super::reply::{self, GZIP_FROM, ListMeta, in_version, meta_type};
use super::store::Version;
use super::table::{self, TableOptions, partial};
use crate::request::{Reply, Response};
use crate::status_error::ApiError;

/// What goes out at once, in bytes; more if an item is longer.
const PORTION: usize = 64 * 1024;
/// About what a compressor keeps for itself, in bytes.
const COMPRESSOR: usize = 320 * 1024;

/// How the items of a list are written.
#[derive(Debug, Clone)]
enum Items {
    /// The objects' own bytes, without kind and apiVersion where this is what they begin with.
    Shared { type_meta: Option<String> },
    /// Whole objects in another form.
    Whole,
    /// Rows of a table.
    Rows(TableOptions),
    /// The objects' metadata.
    Partial,
}

/// A list that is being written.
#[derive(Debug, Clone)]
struct Writing {
    served: Arc<Served>,
    form: Form,
    items: Items,
    /// Type of an item, where its list has one.
    item_type: Option<TypeId>,
    now: Timestamp,
    /// What comes before the items, until it is written.
    opening: Vec<u8>,
    /// What comes after them, until it is written.
    closing: Option<Vec<u8>>,
    rest: std::vec::IntoIter<Arc<Version>>,
    /// Something stands before the next item.
    follows: bool,
}

impl Writing {
    fn new(
        call: &Call<'_>,
        entries: Vec<Arc<Version>>,
        metadata: &ListMeta,
    ) -> Result<Self, ApiError> {
        let (served, form) = (&call.served, &call.form);
        let custom = served.custom().is_some();
        let plain = form.encoding == Encoding::Json && !form.pretty;
        let version = &form.meta_version;
        let listed = |list_type: Option<TypeId>, item: Option<TypeId>| list_type.and(item);
        let (items, item_type, frame) = match form.transform {
            Transform::Plain if plain => {
                let own = reply::frame_of_shared(served, metadata);
                let type_meta = (!custom).then_some(own.type_meta);
                let items = Items::Shared { type_meta };
                (items, None, (own.opening, own.closing))
            }
            Transform::Plain => {
                let resource = &served.resource;
                let kind = served.list_kind();
                let list_type =
                    TypeTable::builtin().type_of(&resource.group, &resource.version, &kind);
                let document = reply::list_of(served, metadata, &[]);
                let frame = frame(&document, "items", list_type, form)?;
                (Items::Whole, listed(list_type, served.type_id()), frame)
            }
            Transform::Table => {
                let options = reply::table_options(call.request, form, true)?;
                let document = table::without_rows(served, &metadata.to_value(false), &options);
                let list_type = meta_type("Table", version);
                let frame = frame(&document, "rows", list_type, form)?;
                let item = listed(list_type, meta_type("TableRow", version));
                (Items::Rows(options), item, frame)
            }
            Transform::PartialList => {
                let mut document = table::partial_list(&[], &metadata.to_value(false), version);
                if let Some(fields) = document.as_object_mut() {
                    fields.insert("items".to_owned(), json!([]));
                }
                let list_type = meta_type("PartialObjectMetadataList", version);
                let frame = frame(&document, "items", list_type, form)?;
                let item = listed(list_type, meta_type("PartialObjectMetadata", version));
                (Items::Partial, item, frame)
            }
            Transform::PartialObject => return Err(reply::not_an_object(served)),
        };
        Ok(Self {
            served: served.clone(),
            form: form.clone(),
            items,
            item_type,
            now: call.now,
            opening: frame.0,
            closing: Some(frame.1),
            rest: entries.into_iter(),
            follows: false,
        })
    }

    /// The next portion; `None` once everything is written.
    fn portion(&mut self, least: usize) -> Result<Option<Vec<u8>>, ApiError> {
        if self.closing.is_none() {
            return Ok(None);
        }
        let mut out = std::mem::take(&mut self.opening);
        while out.len() < least {
            let Some(version) = self.rest.next() else {
                if let Some(closing) = self.closing.take() {
                    out.extend_from_slice(&closing);
                }
                break;
            };
            self.write(&version, &mut out)?;
            self.follows = true;
        }
        Ok(Some(out))
    }

    fn write(&self, version: &Version, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let served = &self.served;
        if self.follows && self.form.encoding == Encoding::Json {
            out.push(b',');
        }
        let value = match &self.items {
            Items::Shared { type_meta } => {
                reply::write_shared(served, version, type_meta.as_deref(), out);
                return Ok(());
            }
            Items::Whole => reply::list_item(served, version),
            Items::Rows(options) => {
                let object = in_version(served, &version.entry().value);
                table::row(served, &object, options, self.now)?
            }
            Items::Partial => partial(&version.entry().value, &self.form.meta_version),
        };
        match self.form.encoding {
            Encoding::Yaml => {
                out.extend_from_slice(yaml::to_string(&Value::Array(vec![value])).as_bytes());
            }
            Encoding::Json if self.form.pretty => {
                out.extend_from_slice(b"\n    ");
                for byte in go_json::to_vec_pretty(&value, self.item_type) {
                    out.push(byte);
                    // Texts have none of these, so each begins a line.
                    if byte == b'\n' {
                        out.extend_from_slice(b"    ");
                    }
                }
            }
            Encoding::Json => out.extend_from_slice(&go_json::to_vec(&value, self.item_type)),
        }
        Ok(())
    }
}

/// What comes before and after the items of a document whose list of that name is empty.
fn frame(
    document: &Value,
    list: &str,
    list_type: Option<TypeId>,
    form: &Form,
) -> Result<(Vec<u8>, Vec<u8>), ApiError> {
    let text = reply::encode(document, list_type, form);
    let text = String::from_utf8_lossy(&text);
    // Each is found in no text of the document: there quotes are escaped, and lines don't begin with a key.
    let (mark, begins, ends) = match form.encoding {
        Encoding::Yaml => (format!("\n{list}: []\n"), format!("\n{list}:\n"), ""),
        Encoding::Json if form.pretty => (
            format!("\n  \"{list}\": []"),
            format!("\n  \"{list}\": ["),
            "\n  ]",
        ),
        Encoding::Json => (format!("\"{list}\":[]"), format!("\"{list}\":["), "]"),
    };
    let (before, after) = text
        .split_once(&mark)
        .ok_or_else(|| ApiError::internal(format!("a list without {list}")))?;
    Ok((
        format!("{before}{begins}").into_bytes(),
        format!("{ends}{after}").into_bytes(),
    ))
}

/// A long list that a client is to get, as much of it as isn't written yet included.
#[derive(Debug, Clone)]
pub struct Listing {
    headers: HeaderMap,
    compressed: bool,
    /// What is written of it already.
    begun: Vec<u8>,
    writing: Writing,
}

impl Listing {
    /// The whole reply, made now.
    pub fn whole(self) -> Response {
        let (headers, mut body) = (self.headers.clone(), Vec::new());
        for portion in self.portions() {
            match portion {
                Ok(portion) => body.extend_from_slice(&portion),
                Err(error) => tracing::error!(%error, "a list can't be written"),
            }
        }
        Response {
            status: 200,
            headers,
            body: body.into(),
        }
    }

    /// The headers of the reply; its status is 200.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, made as it is taken.
    pub fn portions(self) -> Portions {
        let compressor = self.compressed.then(compressor);
        Portions {
            begun: Some(self.begun).filter(|begun| !begun.is_empty()),
            writing: self.writing,
            compressor,
        }
    }
}

fn compressor() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), flate2::Compression::fast())
}

/// The body of a long list, portion by portion.
pub struct Portions {
    begun: Option<Vec<u8>>,
    writing: Writing,
    compressor: Option<GzEncoder<Vec<u8>>>,
}

impl Portions {
    /// About how many bytes it keeps for itself; the objects are the store's.
    pub fn weight(&self) -> usize {
        let begun = self.begun.as_ref().map_or(0, Vec::len);
        let items = self.writing.rest.len() * size_of::<Arc<Version>>();
        let compressor = self.compressor.as_ref().map_or(0, |_| COMPRESSOR);
        PORTION + begun + items + compressor
    }

    fn plain(&mut self) -> Option<Result<Vec<u8>, ApiError>> {
        if let Some(begun) = self.begun.take() {
            return Some(Ok(begun));
        }
        self.writing.portion(PORTION).transpose()
    }
}

impl Iterator for Portions {
    type Item = Result<Bytes, ApiError>;

    /// A portion, maybe an empty one where the compressor keeps it back.
    fn next(&mut self) -> Option<Self::Item> {
        let portion = match self.plain() {
            None => {
                let rest = self.compressor.take()?.finish();
                return Some(rest.map(Bytes::from).map_err(|error| broken(&error)));
            }
            Some(Err(error)) => return Some(Err(error)),
            Some(Ok(portion)) => portion,
        };
        let Some(compressor) = &mut self.compressor else {
            return Some(Ok(portion.into()));
        };
        if let Err(error) = compressor.write_all(&portion) {
            return Some(Err(broken(&error)));
        }
        Some(Ok(std::mem::take(compressor.get_mut()).into()))
    }
}

/// A compressor that writes to memory doesn't fail.
fn broken(error: &std::io::Error) -> ApiError {
    ApiError::internal(error.to_string())
}

/// The reply to a list, and to the deletion of a collection: whole if it is short.
pub(super) fn reply(call: &Call<'_>, listed: Listed) -> Result<Reply, ApiError> {
    let Listed { entries, metadata } = listed;
    if entries.is_empty() || table::has_order(&call.served) {
        return whole(call, &entries, &metadata);
    }
    let mut writing = Writing::new(call, entries, &metadata)?;
    let begun = writing.portion(GZIP_FROM + 1)?.unwrap_or_default();
    let (media, warnings) = (&call.form.content_type, &call.warnings);
    if writing.closing.is_none() {
        let response = reply::response(call.request, 200, begun.into(), media, warnings);
        return Ok(Reply::Full(response));
    }
    let mut headers = reply::headers(media, warnings);
    let compressed = reply::takes_gzip(call.request);
    if compressed {
        reply::set_compressed(&mut headers);
    }
    Ok(Reply::List(Box::new(Listing {
        headers,
        compressed,
        begun,
        writing,
    })))
}

fn whole(
    call: &Call<'_>,
    entries: &[Arc<Version>],
    metadata: &ListMeta,
) -> Result<Reply, ApiError> {
    let (served, form) = (&call.served, &call.form);
    let body = reply::list_body(served, entries, metadata, call.request, form, call.now)?;
    Ok(Reply::Full(reply::response(
        call.request,
        200,
        body,
        &form.content_type,
        &call.warnings,
    )))
}
