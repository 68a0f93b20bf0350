//! The functions there are: cel-go's standard library and the libraries of Kubernetes' environment
//! (`cel-go/common/stdlib`, `ext`, `apiserver/pkg/cel/{library,environment}`).
//!
//! One line per overload: `name(A, B) -> R`, with a dot in front for functions of a receiver, which is the first argument.
//! Capital letters are type variables; `$c` stands for each comparable type, `$s` for each that can be summed.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::types::Type;

/// One signature of a function.
#[derive(Debug)]
pub(super) struct Overload {
    /// Called on a receiver, the first argument.
    pub member: bool,
    /// Types of the arguments.
    pub arguments: Vec<Type>,
    /// Type of the result.
    pub result: Type,
}

const STANDARD: &str = "
_?_:_(bool, A, A) -> A
_&&_(bool, bool) -> bool
_||_(bool, bool) -> bool
!_(bool) -> bool
@not_strictly_false(bool) -> bool
_==_(A, A) -> bool
_!=_(A, A) -> bool
_+_(bytes, bytes) -> bytes
_+_(double, double) -> double
_+_(duration, duration) -> duration
_+_(duration, timestamp) -> timestamp
_+_(timestamp, duration) -> timestamp
_+_(int, int) -> int
_+_(list(A), list(A)) -> list(A)
_+_(string, string) -> string
_+_(uint, uint) -> uint
_/_(double, double) -> double
_/_(int, int) -> int
_/_(uint, uint) -> uint
_%_(int, int) -> int
_%_(uint, uint) -> uint
_*_(double, double) -> double
_*_(int, int) -> int
_*_(uint, uint) -> uint
-_(double) -> double
-_(int) -> int
_-_(double, double) -> double
_-_(duration, duration) -> duration
_-_(int, int) -> int
_-_(timestamp, duration) -> timestamp
_-_(timestamp, timestamp) -> duration
_-_(uint, uint) -> uint
_[_](list(A), int) -> A
_[_](map(A, B), A) -> B
_[_](optional(list(A)), int) -> optional(A)
_[_](optional(map(A, B)), A) -> optional(B)
_[?_](list(A), int) -> optional(A)
_[?_](optional(list(A)), int) -> optional(A)
_[?_](map(A, B), A) -> optional(B)
_[?_](optional(map(A, B)), A) -> optional(B)
@in(A, list(A)) -> bool
@in(A, map(A, B)) -> bool
size(bytes) -> int
.size(bytes) -> int
size(list(A)) -> int
.size(list(A)) -> int
size(map(A, B)) -> int
.size(map(A, B)) -> int
size(string) -> int
.size(string) -> int
type(A) -> type(A)
bool(bool) -> bool
bool(string) -> bool
bytes(bytes) -> bytes
bytes(string) -> bytes
double(double) -> double
double(int) -> double
double(string) -> double
double(uint) -> double
duration(duration) -> duration
duration(int) -> duration
duration(string) -> duration
dyn(A) -> dyn
int(int) -> int
int(double) -> int
int(duration) -> int
int(string) -> int
int(timestamp) -> int
int(uint) -> int
string(string) -> string
string(bool) -> string
string(bytes) -> string
string(double) -> string
string(duration) -> string
string(int) -> string
string(timestamp) -> string
string(uint) -> string
timestamp(timestamp) -> timestamp
timestamp(int) -> timestamp
timestamp(string) -> timestamp
uint(uint) -> uint
uint(double) -> uint
uint(int) -> uint
uint(string) -> uint
.contains(string, string) -> bool
.endsWith(string, string) -> bool
.startsWith(string, string) -> bool
matches(string, string) -> bool
.matches(string, string) -> bool
.getHours(duration) -> int
.getMinutes(duration) -> int
.getSeconds(duration) -> int
.getMilliseconds(duration) -> int
";

/// Parts of a point in time, each with an optional time zone.
pub(super) const PARTS: [&str; 10] = [
    "getFullYear",
    "getMonth",
    "getDayOfYear",
    "getDayOfMonth",
    "getDate",
    "getDayOfWeek",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
];

/// `_<_` and its like: pairs of types that have an order.
const ORDERED: [&str; 14] = [
    "bool, bool",
    "int, int",
    "int, double",
    "int, uint",
    "uint, uint",
    "uint, double",
    "uint, int",
    "double, double",
    "double, int",
    "double, uint",
    "string, string",
    "bytes, bytes",
    "timestamp, timestamp",
    "duration, duration",
];

const EXTENSIONS: &str = "
optional.of(A) -> optional(A)
optional.ofNonZeroValue(A) -> optional(A)
optional.none() -> optional(A)
.value(optional(A)) -> A
.hasValue(optional(A)) -> bool
.or(optional(A), optional(A)) -> optional(A)
.orValue(optional(A), A) -> A
.last(list(A)) -> optional(A)
.first(list(A)) -> optional(A)
optional.unwrap(list(optional(A))) -> list(A)
.unwrapOpt(list(optional(A))) -> list(A)
.charAt(string, int) -> string
.indexOf(string, string) -> int
.indexOf(string, string, int) -> int
.lastIndexOf(string, string) -> int
.lastIndexOf(string, string, int) -> int
.lowerAscii(string) -> string
.upperAscii(string) -> string
.replace(string, string, string) -> string
.replace(string, string, string, int) -> string
.split(string, string) -> list(string)
.split(string, string, int) -> list(string)
.substring(string, int) -> string
.substring(string, int, int) -> string
.trim(string) -> string
.format(string, list(dyn)) -> string
strings.quote(string) -> string
.join(list(string)) -> string
.join(list(string), string) -> string
sets.contains(list(A), list(A)) -> bool
sets.equivalent(list(A), list(A)) -> bool
sets.intersects(list(A), list(A)) -> bool
cel.@mapInsert(map(A, B), A, B) -> map(A, B)
cel.@mapInsert(map(A, B), map(A, B)) -> map(A, B)
.slice(list(A), int, int) -> list(A)
.flatten(list(list(A))) -> list(A)
.flatten(list(dyn), int) -> list(dyn)
lists.range(int) -> list(int)
.reverse(list(A)) -> list(A)
.distinct(list(A)) -> list(A)
.sort(list($c)) -> list($c)
.@sortByAssociatedKeys(list(A), list($c)) -> list(A)
.isSorted(list($c)) -> bool
.sum(list($s)) -> $s
.max(list($c)) -> $c
.min(list($c)) -> $c
.indexOf(list(A), A) -> int
.lastIndexOf(list(A), A) -> int
.find(string, string) -> string
.findAll(string, string) -> list(string)
.findAll(string, string, int) -> list(string)
url(string) -> url
isURL(string) -> bool
.getScheme(url) -> string
.getHost(url) -> string
.getHostname(url) -> string
.getPort(url) -> string
.getEscapedPath(url) -> string
.getQuery(url) -> map(string, list(string))
ip(string) -> ip
isIP(string) -> bool
ip.isCanonical(string) -> bool
.family(ip) -> int
.isUnspecified(ip) -> bool
.isLoopback(ip) -> bool
.isLinkLocalMulticast(ip) -> bool
.isLinkLocalUnicast(ip) -> bool
.isGlobalUnicast(ip) -> bool
string(ip) -> string
cidr(string) -> cidr
isCIDR(string) -> bool
.containsIP(cidr, string) -> bool
.containsIP(cidr, ip) -> bool
.containsCIDR(cidr, string) -> bool
.containsCIDR(cidr, cidr) -> bool
.ip(cidr) -> ip
.prefixLength(cidr) -> int
.masked(cidr) -> cidr
string(cidr) -> string
quantity(string) -> quantity
isQuantity(string) -> bool
sign(quantity) -> int
.isGreaterThan(quantity, quantity) -> bool
.isLessThan(quantity, quantity) -> bool
.compareTo(quantity, quantity) -> int
.asApproximateFloat(quantity) -> double
.asInteger(quantity) -> int
.isInteger(quantity) -> bool
.add(quantity, quantity) -> quantity
.add(quantity, int) -> quantity
.sub(quantity, quantity) -> quantity
.sub(quantity, int) -> quantity
semver(string) -> semver
semver(string, bool) -> semver
isSemver(string) -> bool
isSemver(string, bool) -> bool
.isGreaterThan(semver, semver) -> bool
.isLessThan(semver, semver) -> bool
.compareTo(semver, semver) -> int
.major(semver) -> int
.minor(semver) -> int
.patch(semver) -> int
format.named(string) -> optional(format)
.validate(format, string) -> optional(list(string))
";

const COMPARABLE: [&str; 8] = [
    "int",
    "uint",
    "double",
    "bool",
    "duration",
    "timestamp",
    "string",
    "bytes",
];
const SUMMABLE: [&str; 4] = ["int", "uint", "double", "duration"];

static ALL: LazyLock<BTreeMap<String, Vec<Overload>>> = LazyLock::new(|| {
    let mut all: BTreeMap<String, Vec<Overload>> = BTreeMap::new();
    let mut add = |line: &str| {
        if let Some((name, overload)) = overload(line) {
            all.entry(name).or_default().push(overload);
        }
    };
    STANDARD.lines().for_each(&mut add);
    for operator in ["_<_", "_<=_", "_>_", "_>=_"] {
        for pair in ORDERED {
            add(&format!("{operator}({pair}) -> bool"));
        }
    }
    for part in PARTS {
        add(&format!(".{part}(timestamp) -> int"));
        add(&format!(".{part}(timestamp, string) -> int"));
    }
    for line in EXTENSIONS.lines() {
        let (variable, types): (&str, &[&str]) = if line.contains("$c") {
            ("$c", &COMPARABLE)
        } else {
            ("$s", &SUMMABLE)
        };
        if line.contains(variable) {
            for name in types {
                add(&line.replace(variable, name));
            }
        } else {
            add(line);
        }
    }
    for name in super::library::named::NAMES {
        add(&format!("format.{name}() -> format"));
    }
    all
});

/// The signatures of a function, or `None` if there is none of the name.
pub(super) fn overloads(function: &str) -> Option<&'static [Overload]> {
    ALL.get(function).map(Vec::as_slice)
}

/// The type a name stands for where it is used as a value.
pub(super) fn named_type(name: &str) -> Option<Type> {
    let any = || Arc::new(Type::Dyn);
    let of = match name {
        "bool" => Type::Bool,
        "bytes" => Type::Bytes,
        "double" => Type::Double,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "string" => Type::String,
        "null_type" => Type::Null,
        "list" => Type::List(any()),
        "map" => Type::Map(any(), any()),
        "type" => Type::Kind(any()),
        "optional_type" => Type::Optional(any()),
        "google.protobuf.Duration" => Type::Duration,
        "google.protobuf.Timestamp" => Type::Timestamp,
        "kubernetes.Quantity"
        | "kubernetes.URL"
        | "kubernetes.Semver"
        | "kubernetes.NamedFormat"
        | "net.IP"
        | "net.CIDR" => Type::Opaque(name.into()),
        _ => return None,
    };
    Some(of)
}

fn overload(line: &str) -> Option<(String, Overload)> {
    let (signature, result) = line.trim().split_once(" -> ")?;
    let open = signature.find('(')?;
    let (name, rest) = signature.split_at_checked(open)?;
    let inside = rest.strip_prefix('(')?.strip_suffix(')')?;
    let arguments = split(inside).into_iter().map(read).collect();
    let overload = Overload {
        member: name.starts_with('.'),
        arguments,
        result: read(result),
    };
    Some((name.trim_start_matches('.').to_owned(), overload))
}

/// At commas outside brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.extend(text.get(start..index).map(str::trim));
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.extend(
        text.get(start..)
            .map(str::trim)
            .filter(|part| !part.is_empty()),
    );
    parts
}

fn read(text: &str) -> Type {
    if let Some((outer, inner)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let mut inner = split(inner).into_iter().map(read);
        let first = Arc::new(inner.next().unwrap_or(Type::Dyn));
        return match outer {
            "list" => Type::List(first),
            "optional" => Type::Optional(first),
            "type" => Type::Kind(first),
            _ => Type::Map(first, Arc::new(inner.next().unwrap_or(Type::Dyn))),
        };
    }
    match text {
        "dyn" => Type::Dyn,
        "timestamp" => Type::Timestamp,
        "duration" => Type::Duration,
        "url" => Type::Opaque("kubernetes.URL".into()),
        "ip" => Type::Opaque("net.IP".into()),
        "cidr" => Type::Opaque("net.CIDR".into()),
        "quantity" => Type::Opaque("kubernetes.Quantity".into()),
        "semver" => Type::Opaque("kubernetes.Semver".into()),
        "format" => Type::Opaque("kubernetes.NamedFormat".into()),
        name => named_type(name).unwrap_or_else(|| Type::Param(name.into())),
    }
}
