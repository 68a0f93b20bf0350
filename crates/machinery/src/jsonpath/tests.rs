use serde_json::json;

use super::*;

fn print(template: &str, data: &Value) -> Result<String, String> {
    JsonPath::parse(template)
        .and_then(|path| path.print(data))
        .map_err(|error| error.to_string())
}

fn store() -> Value {
    json!({
        "name": "jsonpath",
        "book": [
            {"category": "reference", "author": "Nigel Rees", "price": 8.95},
            {"category": "fiction", "author": "Evelyn Waugh", "price": 12.99},
            {"category": "fiction", "author": "Herman Melville", "price": 8.99},
        ],
        "bicycle": [{"color": "red", "new": true}, {"color": "green", "new": false}],
        "labels": {"engieer": 10, "k8s.io/web.html": 15},
        "numbers": [5, -1, 3, 9, 7],
        "empty": [],
    })
}

#[test]
fn paths_of_every_kind_print_what_client_go_prints() {
    let cases = [
        ("hello jsonpath", "hello jsonpath"),
        ("{.name}", "jsonpath"),
        ("{$.name}", "jsonpath"),
        ("{@.name}", "jsonpath"),
        ("{.labels.engieer}", "10"),
        (r"{.labels.k8s\.io/web\.html}", "15"),
        (r"{.labels['k8s\.io/web\.html']}", "15"),
        ("{.numbers[0]}", "5"),
        ("{.numbers[-1]}", "7"),
        ("{.numbers[-1:]}", "7"),
        ("{.numbers[0:2]}", "5 -1"),
        ("{.numbers[::2]}", "5 3 7"),
        ("{.numbers[0,2]}", "5 3"),
        ("{.numbers[*]}", "5 -1 3 9 7"),
        ("{.numbers}", "[5,-1,3,9,7]"),
        (
            "{.book[*].author}",
            "Nigel Rees Evelyn Waugh Herman Melville",
        ),
        ("{..author}", "Nigel Rees Evelyn Waugh Herman Melville"),
        (
            "{.book[?(@.price < 10.0)].author}",
            "Nigel Rees Herman Melville",
        ),
        (r#"{.book[?(@.category=="fiction")].price}"#, "12.99 8.99"),
        ("{.bicycle[?(@.new == true)].color}", "red"),
        ("{.bicycle[?(@.color)].color}", "red green"),
        ("{['name', 'labels']['engieer']}", "10"),
        (r#"{range .bicycle[*]}{.color}{","}{end}"#, "red,green,"),
        (
            r#"{range .bicycle[*]}{"\t"}{.color}{end}!"#,
            "\tred\tgreen!",
        ),
        ("{.numbers[?(@>4)]}", "5 9 7"),
        ("{'a'}{\"b\"}", "ab"),
        ("{.name}}", "jsonpath}"),
        (
            "{.book[*]['author','price']}",
            "Nigel Rees Evelyn Waugh Herman Melville 8.95 12.99 8.99",
        ),
        (
            "{.book[?(@.author!='Nigel Rees')].author}",
            "Evelyn Waugh Herman Melville",
        ),
        (
            "{range .book[0:2]}{range @}{.price}{end};{end}",
            "8.95;12.99;",
        ),
    ];
    for (template, expected) in cases {
        let path = JsonPath::parse(template)
            .unwrap()
            .allow_missing_keys(template.contains("['name'"));
        assert_eq!(path.print(&store()).as_deref(), Ok(expected), "{template}");
    }
}

#[test]
fn errors_have_the_words_of_client_go() {
    let cases = [
        ("{.a", "unclosed action"),
        ("{.nothing}", "nothing is not found"),
        (
            "{.numbers[9]}",
            "array index out of bounds: index 9, length 5",
        ),
        (
            "{.numbers[2:1]}",
            "starting index 2 is greater than ending index 1",
        ),
        ("{.numbers[x]}", "invalid array index x"),
        ("{.name[0]}", "string is not array or slice"),
        ("{.numbers[0", "unterminated array"),
        ("{.book[?(@.price]}", "unterminated filter"),
        ("{end}", "not in range, nothing to end"),
        ("{hello}", "unrecognized identifier hello"),
        ("{....a}", "invalid multiple recursive descent"),
        ("{range .empty[*]}{.color}{end}none", "color is not found"),
        (
            "{.numbers[-9]}",
            "array index out of bounds: index -4, length 5",
        ),
        (
            "{.numbers[0:9]}",
            "array index out of bounds: index 8, length 5",
        ),
        ("{{.name}}", "unrecognized character in action: U+007B '{'"),
        ("{#}", "unrecognized character in action: U+0023 '#'"),
        (
            r#"{.book[?(@.price == "x")]}"#,
            "incompatible types for comparison",
        ),
    ];
    for (template, expected) in cases {
        assert_eq!(
            print(template, &store()),
            Err(expected.to_owned()),
            "{template}"
        );
    }
}

#[test]
fn missing_keys_can_be_allowed() {
    let path = JsonPath::parse("{.a.b}-{.name}")
        .unwrap()
        .allow_missing_keys(true);
    assert_eq!(path.print(&store()).as_deref(), Ok("-jsonpath"));
    let path = JsonPath::parse("{range .empty[*]}{.color}{end}none")
        .unwrap()
        .allow_missing_keys(true);
    assert_eq!(path.print(&store()).as_deref(), Ok("none"));
}

#[test]
fn a_printer_column_shows_the_first_value_only() {
    let path = JsonPath::parse_field_path(".book[*].author").unwrap();
    assert_eq!(
        path.find_first(&store()).unwrap().as_deref(),
        Some(&json!("Nigel Rees"))
    );
    assert_eq!(
        JsonPath::parse_field_path(".x.y")
            .unwrap()
            .find_first(&store()),
        Ok(None)
    );
}

#[test]
fn objects_are_printed_as_the_json_of_go() {
    assert_eq!(
        print("{.a}", &json!({"a": {"b": "<&>", "c": null}})),
        Ok(r#"{"b":"\u003c\u0026\u003e","c":null}"#.to_owned())
    );
    assert_eq!(print("{.a}", &json!({"a": 1e21})), Ok("1e+21".to_owned()));
    assert_eq!(
        print("{.a}", &json!({"a": 0.000_01})),
        Ok("1e-05".to_owned())
    );
}
