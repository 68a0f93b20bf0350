use super::*;

#[test]
fn quantities_come_back_in_the_form_of_go() {
    let cases = [
        ("0", "0"),
        ("0m", "0"),
        ("1", "1"),
        ("100m", "100m"),
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("1.500", "1.500"),
        ("1024Mi", "1Gi"),
        ("1Gi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Mi", "512Ki"),
        ("0.1Ki", "102400m"),
        ("1000", "1k"),
        ("100000", "100k"),
        ("123000", "123k"),
        ("1e3", "1e3"),
        ("10e3", "10e3"),
        ("1E3", "1E3"),
        ("1000e3", "1e6"),
        ("1e1", "10"),
        ("-1Ki", "-1Ki"),
        ("+5", "+5"),
        ("007", "007"),
        ("1n", "1n"),
        ("0.1n", "1n"),
        ("9223372036854775808Ki", "9223372036854775807"),
        ("1.1Ei", "1268213655067531673600m"),
        ("2Ti", "2Ti"),
        ("1.", "1."),
        (".5", "500m"),
        ("0.0001Ki", "102400u"),
        ("0.0000000001Ki", "103n"),
        ("1e-12", "1e-9"),
        ("1e30", "1e30"),
        ("12345678901234567890", "12345678901234567890"),
        ("1.0001k", "1000100m"),
        ("3.0", "3"),
        ("0.3Gi", "322122547200m"),
        ("1000000000000000000000", "1"),
        (".", "0"),
        ("-.5Gi", "-512Mi"),
        ("100Ei", "9223372036854775807"),
        ("1023Ki", "1023Ki"),
        ("1.2345678915m", "1234568n"),
        ("-0", "0"),
    ];
    for (text, expected) in cases {
        assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_quantity_is_refused_in_the_words_of_go() {
    assert_eq!(Quantity::parse("").unwrap_err(), QuantityError::Format);
    assert_eq!(Quantity::parse("1 Gi").unwrap_err(), QuantityError::Format);
    assert_eq!(Quantity::parse("1Qi").unwrap_err(), QuantityError::Format);
    assert_eq!(Quantity::parse("1mm").unwrap_err(), QuantityError::Suffix);
    assert_eq!(Quantity::parse("5e").unwrap_err(), QuantityError::Suffix);
    assert_eq!(
        QuantityError::Format.to_string(),
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    );
}

#[test]
fn values_are_rounded_up_and_compared_whatever_the_notation() {
    let quantity = |text| Quantity::parse(text).unwrap();
    assert_eq!(quantity("1500m").value(), 2);
    assert_eq!(quantity("1.5Gi").value(), 1_610_612_736);
    assert_eq!(quantity("250m").milli_value(), 250);
    assert_eq!(quantity("1k"), quantity("1000000m"));
    assert!(quantity("1Ki") > quantity("1k"));
    assert_eq!(
        quantity("1Gi").add(&quantity("512Mi")).to_string(),
        "1536Mi"
    );
    assert_eq!(quantity("2").sub(&quantity("500m")).to_string(), "1500m");
}

#[test]
fn an_exponent_is_cut_to_32_bits_as_in_go() {
    let read = |text| Quantity::parse(text).map(|quantity| quantity.value());
    assert_eq!(read("2e4294967299"), Ok(2000));
    assert_eq!(read("922337e2036854775807"), Ok(i64::MAX));
    assert_eq!(read("1e9223372036854775808"), Err(QuantityError::Suffix));
}
