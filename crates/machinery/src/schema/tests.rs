use super::*;

fn info(group: &str, version: &str, kind: &str) -> &'static TypeInfo {
    let table = TypeTable::builtin();
    table.info(table.type_of(group, version, kind).unwrap())
}

#[test]
fn every_struct_that_a_field_names_is_there() {
    fn check(ty: &TypeRef) -> bool {
        match ty {
            TypeRef::Struct(id) | TypeRef::SchemaOr(id, _) => {
                !TypeTable::builtin().info(*id).go_name.is_empty()
            }
            TypeRef::List(element) | TypeRef::Map(element) => check(element),
            _ => true,
        }
    }
    let mut fields = 0;
    for (_, info) in TypeTable::builtin().types() {
        for field in &info.fields {
            assert!(check(&field.ty), "{} {}", info.go_name, field.json);
            fields += 1;
        }
    }
    assert!(fields > 2000, "{fields} fields");
}

#[test]
fn every_resource_has_a_type() {
    let table = TypeTable::builtin();
    for resource in table.resources() {
        let BuiltinResource {
            group,
            version,
            kind,
            ..
        } = resource;
        assert!(
            table.type_of(group, version, kind).is_some(),
            "{group}/{version} {kind}"
        );
        for sub in &resource.subresources {
            let found = table.type_of(&sub.group, &sub.version, &sub.kind);
            assert!(
                found.is_some() || sub.kind.ends_with("Options"),
                "{kind}/{}: {}",
                sub.name,
                sub.kind
            );
        }
    }
}

#[test]
fn fields_come_in_go_order_with_their_tags() {
    let table = TypeTable::builtin();
    let names: Vec<&str> = info("apps", "v1", "Deployment")
        .all_fields()
        .iter()
        .map(|field| field.json.as_str())
        .collect();
    assert_eq!(names, ["kind", "apiVersion", "metadata", "spec", "status"]);
    let container = table.info(table.type_named("io.k8s.api.core.v1.Container").unwrap());
    let ports = container.field("ports").unwrap();
    assert_eq!(
        (
            ports.list_type,
            &*ports.list_map_keys,
            &*ports.patch_strategy,
            &*ports.patch_merge_key
        ),
        (
            Some(ListType::Map),
            &["containerPort".to_owned(), "protocol".to_owned()][..],
            "merge",
            "containerPort"
        )
    );
    let port = table.info(
        table
            .type_named("io.k8s.api.core.v1.ContainerPort")
            .unwrap(),
    );
    assert_eq!(port.field("protocol").unwrap().default, Some("TCP".into()));
    assert!(port.field("containerPort").unwrap().required);
    let selector = table.type_named("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector");
    assert!(table.info(selector.unwrap()).atomic);
}

#[test]
fn options_and_status_are_found_everywhere() {
    let table = TypeTable::builtin();
    let delete = table.type_of("meta.k8s.io", "v1", "DeleteOptions");
    assert!(delete.is_some());
    assert_eq!(table.type_of("apps", "v1", "DeleteOptions"), delete);
    assert_eq!(table.type_of("example.com", "v7", "DeleteOptions"), delete);
    assert!(table.type_of("", "v1", "Status").is_some());
    assert_eq!(table.type_of("", "v2", "Pod"), None);
}
