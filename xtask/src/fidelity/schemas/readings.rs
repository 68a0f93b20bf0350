//! What functions of rules make of texts: addresses, networks, URLs, quantities, versions, times, numbers and formats, good
//! ones and ones with a character too many, too few or changed. Each object has one field with one rule, which nothing
//! satisfies; its message is what the function gave.
use serde_json::{Map, Value, json};

use super::super::area::Chance;
use super::super::sequence::{Sequence, Step};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// How many texts there are in a sequence.
const TEXTS: usize = 80;
/// What texts get by chance.
const CHARACTERS: [&str; 40] = [
    "0", "1", "2", "7", "9", "a", "e", "f", "g", "i", "m", "n", "u", "x", "z", "A", "E", "K", "M",
    "T", "Z", ".", ".", ":", ":", "/", "%", "-", "+", "@", "?", "#", "[", "]", " ", "_", "~", "\"",
    "é", "=",
];

/// A kind of text: expressions that read it, as texts again, and examples.
struct Reading {
    expressions: &'static [&'static str],
    examples: &'static [&'static str],
}

const READINGS: [Reading; 8] = [
    Reading {
        expressions: &[
            "string(ip(self))",
            "string(ip(self).family())",
            "string(ip(self).isGlobalUnicast())",
            "string(ip(self).isLoopback())",
            "string(ip(self).isUnspecified())",
            "string(ip(self).isLinkLocalUnicast())",
            "string(ip(self).isLinkLocalMulticast())",
            "string(ip.isCanonical(self))",
            "string(isIP(self))",
            "string(cidr('10.0.0.0/8').containsIP(self))",
        ],
        examples: &[
            "10.1.2.3",
            "127.0.0.1",
            "169.254.1.1",
            "::",
            "::1",
            "fe80::1",
            "ff02::1:2",
            "2001:db8:0:0:1::5",
            "64:ff9b::1.2.3.4",
            "::ffff:1.2.3.4",
            "fe80::1%eth0",
        ],
    },
    Reading {
        expressions: &[
            "string(cidr(self))",
            "string(cidr(self).masked())",
            "string(cidr(self).prefixLength())",
            "string(cidr(self).ip())",
            "string(isCIDR(self))",
            "string(cidr(self).containsIP(ip('10.1.2.3')))",
            "string(cidr('10.0.0.0/8').containsCIDR(self))",
        ],
        examples: &[
            "10.1.2.3/8",
            "0.0.0.0/0",
            "10.9.0.0/16",
            "1.2.3.4/32",
            "2001:db8::/32",
            "::1/128",
            "::/0",
        ],
    },
    Reading {
        expressions: &[
            "url(self).getScheme()",
            "url(self).getHost()",
            "url(self).getHostname()",
            "url(self).getPort()",
            "url(self).getEscapedPath()",
            "string(url(self).getQuery().size())",
            "string(isURL(self))",
        ],
        examples: &[
            "https://user:pw@example.com:80/a%20b?k=v",
            "http://[::1]:8080/x",
            "/a/b?x=1",
            "mailto:a@b.c",
            "http://a/#b",
            "urn:x:y",
            "http://a b/",
        ],
    },
    Reading {
        expressions: &[
            "string(quantity(self).asApproximateFloat())",
            "string(quantity(self).isInteger())",
            "string(sign(quantity(self)))",
            "string(quantity(self).asInteger())",
            "string(quantity(self).compareTo(quantity('1Ki')))",
            "string(quantity(self).add(quantity('0.5')).asApproximateFloat())",
            "string(isQuantity(self))",
        ],
        examples: &[
            "1",
            "-1.5",
            "100m",
            "2Gi",
            "1e3",
            "0.1u",
            "12E",
            "1.5Ki",
            "9223372036854775807",
            "3n",
            "1E-2",
        ],
    },
    Reading {
        expressions: &[
            "string(semver(self).major())",
            "string(semver(self).minor())",
            "string(semver(self).patch())",
            "string(semver(self).compareTo(semver('1.2.3')))",
            "string(isSemver(self))",
            "string(semver(self, true).minor())",
            "string(isSemver(self, true))",
        ],
        examples: &[
            "1.2.3",
            "0.0.1-alpha.1",
            "1.2.3-rc.1+build.5",
            "v1.2",
            "1",
            "01.2.3",
            "1.2.3-01",
        ],
    },
    Reading {
        expressions: &[
            "string(duration(self))",
            "string(duration(self).getMilliseconds())",
            "string(duration(self).getHours())",
            "string(timestamp(self))",
            "string(timestamp(self).getFullYear())",
            "string(timestamp(self).getDayOfYear())",
            "string(timestamp(self).getHours('+02:30'))",
            "string(timestamp(self).getDayOfWeek())",
            "string(timestamp(self) + duration('24h'))",
        ],
        examples: &[
            "1h",
            "1h2m3.5s",
            "-5ms",
            "100us",
            "3000000h",
            "2020-02-29T23:59:59Z",
            "2021-01-01T00:00:00.123456789+02:00",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ],
    },
    Reading {
        expressions: &[
            "string(int(self))",
            "string(uint(self))",
            "string(double(self))",
            "string(bool(self))",
            "string(bytes(self).size())",
            "string(self.size())",
        ],
        examples: &[
            "0",
            "-7",
            "42",
            "9223372036854775807",
            "18446744073709551615",
            "1.5",
            "-2e10",
            "1e400",
            "0x1p4",
            "NaN",
            "Inf",
            "true",
            "False",
            "t",
            "1_000",
        ],
    },
    Reading {
        expressions: &[
            "format.dns1123Label().validate(self).value()[0]",
            "format.dns1123Subdomain().validate(self).value()[0]",
            "format.dns1035Label().validate(self).value()[0]",
            "format.qualifiedName().validate(self).value()[0]",
            "format.labelValue().validate(self).value()[0]",
            "format.uri().validate(self).value()[0]",
            "format.uuid().validate(self).value()[0]",
            "format.byte().validate(self).value()[0]",
            "format.date().validate(self).value()[0]",
            "format.datetime().validate(self).value()[0]",
            "self.upperAscii()",
            "self.substring(1)",
            "string(self.indexOf('1'))",
            "self.split('.')[1]",
            "self.replace('a', 'é', 1)",
            "self.trim()",
            "strings.quote(self)",
            "self.find('[0-9]+')",
            "self.findAll('[a-z]')[1]",
            "'%s|%d|%.2f|%e'.format([self, 7, 1.5, 12.5])",
            "'%x'.format([self])",
        ],
        examples: &[
            "a",
            "a.b-c",
            "9lives",
            "example.com/name",
            "aGk=",
            "2020-02-30",
            "2020-02-29",
            "123e4567-e89b-12d3-a456-426614174000",
            "2020-02-29T23:59:59Z",
            "http://a/b",
        ],
    },
];

/// Texts that are read, by the functions of a definition of the sequence's own.
pub fn sequence(title: &str, chance: &mut Chance) -> Sequence {
    let group = "${ns}.example.com";
    let named = format!("readings.{group}");
    let copy = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": named},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": "readings", "kind": "Reading"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {
                "openAPIV3Schema": {"type": "object", "properties": properties()}}}]}});
    let all = format!("/apis/{group}/v1/namespaces/${{ns}}/readings");
    let listed = Step::get(all.clone()).until("/kind", "ReadingList");
    let mut steps = vec![Step::new("POST", DEFINITIONS).json(&copy), listed];
    for number in 0..TEXTS {
        let family = chance.below(READINGS.len());
        let reading = &READINGS[family];
        let expression = chance.below(reading.expressions.len());
        let object = json!({"apiVersion": format!("{group}/v1"), "kind": "Reading",
            "metadata": {"name": format!("r{number}")},
            field(family, expression): text(reading, chance)});
        steps.push(Step::new("POST", format!("{all}?dryRun=All")).json(&object));
    }
    let gone = Step::new("DELETE", format!("{DEFINITIONS}/{named}"));
    steps.push(gone.prepare());
    Sequence {
        title: title.to_owned(),
        steps,
    }
}

fn field(family: usize, expression: usize) -> String {
    format!("f{family}x{expression}")
}

/// A text field for each expression, with a rule that nothing satisfies.
fn properties() -> Map<String, Value> {
    let fields = |(family, reading): (usize, &'static Reading)| {
        let rule = move |(number, expression): (usize, &&str)| {
            let rule =
                json!({"rule": format!("{expression} == '-'"), "messageExpression": expression});
            let schema =
                json!({"type": "string", "maxLength": 60, "x-kubernetes-validations": [rule]});
            (field(family, number), schema)
        };
        reading.expressions.iter().enumerate().map(rule)
    };
    READINGS.iter().enumerate().flat_map(fields).collect()
}

/// An example, more often than not with one or two characters changed. A real server makes whole numbers of all digits that an
/// exponent asks for, and doesn't come back from the larger ones: these stay examples.
fn text(reading: &Reading, chance: &mut Chance) -> String {
    let example = chance.pick(reading.examples);
    let mut characters: Vec<String> = example.chars().map(String::from).collect();
    for _ in 0..chance.below(3) {
        let at = chance.below(characters.len() + 1);
        let some = chance.pick(&CHARACTERS).to_owned();
        match chance.below(3) {
            0 => characters.insert(at, some),
            1 if at < characters.len() => {
                characters.remove(at);
            }
            _ if at < characters.len() => characters[at] = some,
            _ => {}
        }
    }
    let changed = characters.concat();
    if has_large_exponent(&changed) {
        (*example).to_owned()
    } else {
        changed
    }
}

/// Whether an `e` is followed by more than five digits.
fn has_large_exponent(text: &str) -> bool {
    let mut parts = text.split(['e', 'E']).skip(1);
    parts.any(|part| {
        let exponent = part.trim_start_matches(['+', '-']);
        let digits = exponent.chars().take_while(char::is_ascii_digit);
        digits.count() > 5
    })
}

#[test]
fn exponents_that_a_real_server_does_not_come_back_from_are_known() {
    for text in ["92337e2036854775807", "1E-2036854", "1e1e+203685"] {
        assert!(has_large_exponent(text), "{text}");
    }
    for text in [
        "1e3",
        "1e400",
        "12E",
        "9223372036854775807",
        "3000000h",
        "true",
    ] {
        assert!(!has_large_exponent(text), "{text}");
    }
}
