//! What expressions that choose devices see (`dynamic-resource-allocation/cel/compile.go`).

use std::collections::BTreeMap;

use super::admission::{Unusable, ready};
use super::{Env, Object, Type};

fn environment() -> Env {
    let by_domain = |value: Type| Type::map_of(Type::map_of(value));
    let fields = BTreeMap::from([
        ("driver".to_owned(), Type::String),
        ("attributes".to_owned(), by_domain(Type::Dyn)),
        (
            "capacity".to_owned(),
            by_domain(Type::Opaque("kubernetes.Quantity".into())),
        ),
        ("allowMultipleAllocations".to_owned(), Type::Bool),
    ]);
    Env::new().variable(
        "device",
        Type::Object(Object::new("kubernetes.DRADevice", fields)),
    )
}

/// Checks an expression that chooses devices.
///
/// # Errors
/// What is wrong with it.
pub fn check(expression: &str) -> Result<(), Unusable> {
    let program = environment()
        .compile(expression)
        .map_err(|error| Unusable::Invalid(format!("compilation failed: {error}")))?;
    match program.output() {
        Type::Bool | Type::Dyn => ready(&program),
        other => Err(Unusable::Invalid(format!(
            "must evaluate to bool or the unknown type, not {other}"
        ))),
    }
}

#[test]
fn a_device_is_chosen_by_driver_attributes_and_capacity() {
    for good in [
        r#"device.driver == "d.example""#,
        r#"device.attributes["d.example"].model"#,
        r#"device.capacity["d.example"].memory.isGreaterThan(quantity("1Gi"))"#,
    ] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    assert_eq!(
        check("device.driver"),
        Err(Unusable::Invalid(
            "must evaluate to bool or the unknown type, not string".to_owned()
        ))
    );
    assert!(check("device.colour == 1").is_err());
}
