//! Reads the generated data files into a [`TypeTable`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Alternative, BuiltinResource, Field, ListType, Omit, TypeId, TypeInfo, TypeRef, TypeTable, head,
};

/// A field as `data/types.json` has it: name, type, flags, extra.
#[derive(Deserialize)]
struct FieldLine(String, String, String, #[serde(default)] Extra);

#[derive(Default, Deserialize)]
struct Extra {
    #[serde(default)]
    k: Vec<String>,
    #[serde(default)]
    s: String,
    #[serde(default)]
    g: String,
    #[serde(default)]
    d: Option<Value>,
    #[serde(default)]
    t: Option<String>,
}

type Kinds = Vec<(String, String, String)>;
/// Model name, Go name, flags, kinds, fields.
type TypeLine = (String, String, String, Kinds, Vec<FieldLine>);

/// Reads both files.
pub(super) fn load(types: &str, resources: &str) -> Result<TypeTable, serde_json::Error> {
    let lines: Vec<TypeLine> = serde_json::from_str(types)?;
    let resources: Vec<BuiltinResource> = serde_json::from_str(resources)?;
    let mut ids = BTreeMap::new();
    for (index, line) in (0u32..).zip(&lines) {
        ids.insert(line.0.clone(), TypeId(index));
    }
    let mut types: Vec<TypeInfo> = lines
        .into_iter()
        .map(|line| type_info(line, &ids))
        .collect();
    flatten(&mut types);
    let mut by_kind: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (index, info) in (0u32..).zip(&types) {
        for (group, version, kind) in &info.kinds {
            let known = by_kind.entry(kind.clone()).or_default();
            known.push((group.clone(), version.clone(), TypeId(index)));
        }
    }
    let by_model = ids
        .into_iter()
        .map(|(name, id)| (format!("io.k8s.{name}"), id))
        .collect();
    let nothing = TypeInfo::default();
    Ok(TypeTable {
        types,
        nothing,
        by_kind,
        by_model,
        resources,
    })
}

fn type_info(line: TypeLine, ids: &BTreeMap<String, TypeId>) -> TypeInfo {
    let (model, go_name, flags, kinds, fields) = line;
    TypeInfo {
        go_name,
        openapi_name: format!("io.k8s.{model}"),
        fields: fields.into_iter().map(|line| field(line, ids)).collect(),
        atomic: flags.contains('a'),
        kinds,
        flat: Vec::new(),
        by_name: Vec::new(),
        always: 0,
    }
}

fn field(line: FieldLine, ids: &BTreeMap<String, TypeId>) -> Field {
    let FieldLine(json, ty, flags, extra) = line;
    let has = |flag: char| flags.contains(flag);
    let list_type = if has('M') {
        Some(ListType::Map)
    } else if has('S') {
        Some(ListType::Set)
    } else if has('A') {
        Some(ListType::Atomic)
    } else {
        None
    };
    Field {
        json,
        ty: type_ref(&ty, ids),
        pointer: has('p'),
        omit: match (has('e'), has('z')) {
            (_, true) => Omit::Zero,
            (true, false) => Omit::Empty,
            (false, false) => Omit::Never,
        },
        required: has('r'),
        list_type,
        list_map_keys: extra.k,
        atomic_map: has('m'),
        granular: has('g'),
        patch_strategy: extra.s,
        patch_merge_key: extra.g,
        default: extra.d,
        go_type: extra.t,
        embedded_in: Vec::new(),
    }
}

fn type_ref(text: &str, ids: &BTreeMap<String, TypeId>) -> TypeRef {
    let structure = |model: &str| ids.get(model).copied().unwrap_or(TypeId(u32::MAX));
    if let Some(element) = text.strip_prefix("[]") {
        return TypeRef::List(Box::new(type_ref(element, ids)));
    }
    if let Some(element) = text.strip_prefix("{}") {
        return TypeRef::Map(Box::new(type_ref(element, ids)));
    }
    if let Some(model) = text.strip_prefix('@') {
        return TypeRef::Struct(structure(model));
    }
    let (word, name) = text.split_once(':').unwrap_or((text, text));
    match word {
        "string" => TypeRef::String(name.to_owned()),
        "bool" => TypeRef::Bool,
        "int32" => TypeRef::Int(32, name.to_owned()),
        "int64" => TypeRef::Int(64, name.to_owned()),
        "float64" => TypeRef::Float,
        "bytes" => TypeRef::Bytes,
        "quantity" => TypeRef::Quantity,
        "intorstring" => TypeRef::IntOrString,
        "time" => TypeRef::Time,
        "microtime" => TypeRef::MicroTime,
        "duration" => TypeRef::Duration,
        "|bool" => TypeRef::SchemaOr(structure(name), Alternative::Bool),
        "|array" => TypeRef::SchemaOr(structure(name), Alternative::Schemas),
        "|strings" => TypeRef::SchemaOr(structure(name), Alternative::Strings),
        _ => TypeRef::Any,
    }
}

/// Fills in the fields of inlined structs where they stand.
fn flatten(types: &mut [TypeInfo]) {
    let flat: Vec<Vec<Field>> = types.iter().map(|info| flat_fields(info, types)).collect();
    for (info, fields) in types.iter_mut().zip(flat) {
        let names = fields.iter().map(|field| head(&field.json));
        let mut order: Vec<(u64, usize)> = names.zip(0..).collect();
        order.sort_unstable();
        info.always = fields.iter().filter(|field| !field.may_be_absent()).count();
        info.flat = fields;
        info.by_name = order;
    }
}

fn flat_fields(info: &TypeInfo, types: &[TypeInfo]) -> Vec<Field> {
    let mut out = Vec::new();
    for field in &info.fields {
        let inlined = match &field.ty {
            TypeRef::Struct(id) if field.is_inline() => types.get(id.0 as usize),
            _ => None,
        };
        let Some(inner) = inlined else {
            out.push(field.clone());
            continue;
        };
        let name = inner.short_name().to_owned();
        for mut field in flat_fields(inner, types) {
            field.embedded_in.insert(0, name.clone());
            out.push(field);
        }
    }
    out
}
