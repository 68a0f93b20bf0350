//! Kind and apiVersion of a body in JSON, read in one go.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What a body says it is. Of a repeated key the last one counts that isn't null, as where Go reads a struct.
#[derive(Default)]
pub(super) struct TypeMeta {
    /// Group and version.
    pub api_version: Option<String>,
    /// Kind.
    pub kind: Option<String>,
}

impl<'de> Deserialize<'de> for TypeMeta {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = TypeMeta;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TypeMeta, A::Error> {
        let mut found = TypeMeta::default();
        while let Some(field) = map.next_key()? {
            let place = match field {
                Field::ApiVersion => &mut found.api_version,
                Field::Kind => &mut found.kind,
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if let Some(text) = map.next_value::<Option<String>>()? {
                *place = Some(text);
            }
        }
        Ok(found)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Field {
    ApiVersion,
    Kind,
    #[serde(other)]
    Other,
}
