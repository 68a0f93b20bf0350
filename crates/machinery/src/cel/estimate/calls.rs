//! What calls may cost, and how large their results may be (`cel-go/checker/cost.go`, `ext/{lists,sets}.go`,
//! `apiserver/pkg/cel/library/cost.go`).

use super::super::declarations::Overload;
use super::super::parse::{Kind, Node};
use super::super::types::Type;
use super::super::value::Value;
use super::path::Path;
use super::range::Range;
use super::{Estimator, Found, LIST, Parts};

/// What a character costs that is looked at, or one of a pattern.
const CHARACTER: f64 = 0.1;
const PATTERN: f64 = 0.25;
/// The longest name of a format, and the longest pattern of one.
const FORMAT: u64 = 64;
const FORMAT_PATTERN: f64 = 128.0;

const ONE: Range = Range::fixed(1);

/// An argument, or what a function is called on.
struct Argument<'a> {
    node: &'a Node,
    found: Found,
    path: Path,
    size: Option<Range>,
}

impl Argument<'_> {
    fn size(&self) -> Range {
        self.size.unwrap_or(Range::UNKNOWN)
    }

    fn text(&self) -> Range {
        self.size().by(CHARACTER)
    }

    fn whole(&self) -> Option<u64> {
        match self.node.kind {
            Kind::Literal(Value::Int(number)) => u64::try_from(number).ok(),
            _ => None,
        }
    }
}

/// What a call costs beside its arguments, and the size of its result.
#[derive(Clone, Copy)]
struct Call {
    cost: Range,
    size: Option<Range>,
}

impl Call {
    fn of(cost: Range) -> Self {
        Self { cost, size: None }
    }

    fn giving(self, size: Range) -> Self {
        Self {
            size: Some(size),
            ..self
        }
    }

    /// One that makes a list of that size.
    fn list(factor: f64, size: Range) -> Self {
        Self::of(size.by(factor).add(Range::fixed(1 + LIST))).giving(size)
    }
}

impl Estimator<'_> {
    fn argument<'a>(&mut self, node: &'a Node) -> Argument<'a> {
        let found = self.node(node);
        Argument {
            path: self.path_of(node, &found),
            size: self.size_of(node, &found),
            node,
            found,
        }
    }

    pub(super) fn call(
        &mut self,
        node: &Node,
        function: &str,
        target: Option<&Node>,
        args: &[Node],
    ) -> Found {
        if let ("dyn", [inner]) = (function, args) {
            let found = self.node(inner);
            return Found {
                size: self.size_of(inner, &found),
                parts: self.parts_of(inner, &found),
                ..Found::costs(found.cost.add(ONE))
            };
        }
        let args: Vec<Argument<'_>> = args.iter().map(|arg| self.argument(arg)).collect();
        let sum = |args: &[Argument<'_>]| {
            let costs = args.iter().map(|arg| arg.found.cost);
            costs.fold(Range::fixed(0), Range::add)
        };
        let of_args = sum(&args);
        let target = target.map(|target| self.argument(target));
        let mut found = Found::costs(Range::fixed(0));
        if matches!(function, "_&&_" | "_||_") {
            // One side may decide.
            let first = args.first().map_or(0, |first| first.found.cost.min);
            found.cost = Range::new(first, of_args.max);
            found.size = self.size_of(node, &found);
            return found;
        }
        if function == "_?._" {
            found.cost = of_args.add(ONE);
            found.size = self.size_of(node, &found);
            return found;
        }
        let mut cost = Range::NONE;
        for overload in &node.overloads {
            let own = self.overload(function, overload, target.as_ref(), &args, &mut found);
            cost = cost.or(match function {
                "_?_:_" => own.cost,
                _ => own.cost.add(of_args),
            });
            if let Some(size) = own.size {
                found.size = Some(found.size.map_or(size, |known| known.or(size)));
            }
            let part = match (function, overload.arguments.first()) {
                ("_[_]", Some(Type::List(_))) => Some("@items"),
                ("_[_]", Some(Type::Map(..))) => Some("@values"),
                _ => None,
            };
            if let (Some(part), Some(of)) = (part, args.first()) {
                let parts = self.parts_of(of.node, &of.found);
                found.size = parts.map(|parts| parts.value);
                found.path = self.path_of(of.node, &of.found).append(part);
            }
            found.size = self.size_of(node, &found);
        }
        if node.overloads.is_empty() {
            return found;
        }
        let of_target = target.map_or(Range::fixed(0), |target| target.found.cost);
        found.cost = cost.add(of_target);
        found
    }

    fn overload(
        &self,
        function: &str,
        overload: &Overload,
        target: Option<&Argument<'_>>,
        args: &[Argument<'_>],
        found: &mut Found,
    ) -> Call {
        lists(function, overload, target, args)
            .or_else(|| self.traversals(function, target, args))
            .or_else(|| texts(function, target, args))
            .or_else(|| network(function, overload, args))
            .or_else(|| accessors(function, args))
            .or_else(|| same_type(function, args))
            .or_else(|| self.operators(function, overload, args, found))
            .or_else(|| standard(function, overload, target, args))
            .unwrap_or(Call::of(ONE))
    }

    /// The size of an element, where a schema or the type tells it.
    fn element_size(&self, list: &Argument<'_>) -> Range {
        let names = list.path.names();
        let at = (!names.is_empty()).then(|| self.size_at(&detached(&names).append("@items")));
        at.flatten().unwrap_or(Range::UNKNOWN)
    }

    /// Functions that walk through a list or a text once.
    fn traversals(
        &self,
        function: &str,
        target: Option<&Argument<'_>>,
        args: &[Argument<'_>],
    ) -> Option<Call> {
        let of = target?;
        match function {
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
                let Some(element) = element_type(&of.node.of) else {
                    return Some(Call::of(of.text()));
                };
                let each = match element {
                    Type::String | Type::Bytes => self.element_size(of).by(CHARACTER).add(ONE),
                    _ => ONE,
                };
                Some(Call::of(of.size().times(each)))
            }
            "join" => {
                let mut size = Range::fixed(0);
                if element_type(&of.node.of).is_some() {
                    size = of.size().times(self.element_size(of));
                }
                if let Some(separator) = args.first() {
                    let (least, most) = (of.size().min, of.size().max);
                    let gaps = Range::new(least.saturating_sub(1), most.saturating_sub(1));
                    size = size.add(separator.size().times(gaps));
                }
                Some(Call::of(size.by(CHARACTER)).giving(size))
            }
            _ => None,
        }
    }

    /// `? :` and sums, whose results have the sizes of both sides.
    fn operators(
        &self,
        function: &str,
        overload: &Overload,
        args: &[Argument<'_>],
        found: &mut Found,
    ) -> Option<Call> {
        let both = |first: &Argument<'_>, second: &Argument<'_>| -> Option<Parts> {
            let first = self.parts_of(first.node, &first.found)?;
            Some(first.or(self.parts_of(second.node, &second.found)?))
        };
        match (function, args, overload.arguments.first()) {
            ("_?_:_", [condition, yes, no], _) => {
                found.parts = both(yes, no).or(found.parts);
                let branches = yes.found.cost.or(no.found.cost);
                let cost = condition.found.cost.add(branches);
                Some(Call::of(cost).giving(yes.size().or(no.size())))
            }
            ("_+_", [first, second], Some(of @ (Type::String | Type::Bytes | Type::List(_)))) => {
                found.parts = both(first, second).or(found.parts);
                let size = first.size().add(second.size());
                let cost = match of {
                    Type::List(_) => ONE,
                    _ => size.by(CHARACTER),
                };
                Some(Call::of(cost).giving(size))
            }
            _ => None,
        }
    }
}

/// A copy that shares nothing.
fn detached(names: &[String]) -> Path {
    names
        .iter()
        .fold(Path::default(), |path, name| path.append(name))
}

/// The first parameter of a type.
fn element_type(of: &Type) -> Option<&Type> {
    match of {
        Type::List(inner) | Type::Map(inner, _) | Type::Optional(inner) | Type::Kind(inner) => {
            Some(inner)
        }
        _ => None,
    }
}

/// Functions that make lists, and those of sets.
fn lists(
    function: &str,
    overload: &Overload,
    target: Option<&Argument<'_>>,
    args: &[Argument<'_>],
) -> Option<Call> {
    let squared = |of: &Argument<'_>, declared: usize| {
        let elements = overload.arguments.get(declared).and_then(element_type);
        let factor = match elements {
            Some(Type::String | Type::Bytes) => 2.0 + CHARACTER,
            _ => 2.0,
        };
        Call::list(factor, of.size().times(of.size()))
    };
    let sets = |factor: f64| match args {
        [first, second] => Some(Call::of(
            first.size().times(second.size()).by(factor).add(ONE),
        )),
        _ => None,
    };
    match (function, target, args) {
        ("slice", Some(of), [start, end]) => {
            let end = end.whole().unwrap_or(of.size().max);
            let start = start.whole().unwrap_or_default();
            Some(Call::list(1.0, Range::fixed(end.wrapping_sub(start))))
        }
        ("lists.range", None, [end]) => {
            let end = end.whole().unwrap_or(u64::MAX);
            Some(Call::list(1.0, Range::fixed(end)))
        }
        ("reverse" | "flatten", Some(of), []) => Some(Call::list(1.0, of.size())),
        ("flatten", Some(of), [depth]) => {
            #[expect(clippy::cast_precision_loss, reason = "a factor is a float")]
            let depth = depth.whole().unwrap_or(u64::MAX) as f64;
            Some(Call::list(depth, of.size()))
        }
        ("distinct" | "sort", Some(of), []) => Some(squared(of, 0)),
        ("@sortByAssociatedKeys", Some(_), [keys]) => Some(squared(keys, 1)),
        ("sets.contains" | "sets.intersects", None, _) => sets(1.0),
        ("sets.equivalent", None, _) => sets(2.0),
        _ => None,
    }
}

/// A pattern on a text.
fn pattern(text: &Argument<'_>, wanted: &Argument<'_>) -> Range {
    let text = text.size().add(ONE).by(CHARACTER);
    text.times(wanted.size().by(PATTERN))
}

/// Functions on texts that Kubernetes counts.
fn texts(function: &str, target: Option<&Argument<'_>>, args: &[Argument<'_>]) -> Option<Call> {
    match (function, target, args) {
        ("url", None, [of]) => Some(Call::of(of.text()).giving(of.size())),
        ("lowerAscii" | "upperAscii" | "substring" | "trim", Some(of), _) => {
            Some(Call::of(of.text()).giving(of.size()))
        }
        ("replace", Some(of), [old, new, ..]) => {
            let size = replaced(of.size(), old.size(), new.size());
            Some(Call::of(of.size().by(2.0 * CHARACTER)).giving(size))
        }
        ("split", Some(of), _) => {
            let most = args.get(1).and_then(Argument::whole);
            let size = Range::new(0, most.unwrap_or(of.size().max));
            Some(Call::of(of.size().by(2.0 * CHARACTER)).giving(size))
        }
        ("find" | "findAll", Some(of), [wanted, ..]) => {
            Some(Call::of(pattern(of, wanted)).giving(Range::new(0, of.size().max)))
        }
        _ => None,
    }
}

/// How long a text may become.
fn replaced(text: Range, old: Range, new: Range) -> Range {
    let (mut count, mut kept) = (Range::fixed(0), Range::fixed(0));
    if old.min == 0 {
        count.max = text.max.saturating_add(1);
        kept.max = text.max;
    } else if new.max <= old.min {
        kept.max = text.max;
    } else {
        count.max = text.max.div_ceil(old.min);
    }
    if old.max == 0 {
        count.min = text.min.saturating_add(1);
        kept.min = text.min;
    } else if old.max <= new.min {
        kept.min = text.min;
    } else {
        count.min = text.min.div_ceil(old.max);
    }
    count.times(new).add(kept)
}

/// Addresses and what contains them.
fn network(function: &str, overload: &Overload, args: &[Argument<'_>]) -> Option<Call> {
    let of_text = overload.arguments.get(1) == Some(&Type::String);
    let address = Range::new(4, 16);
    let compared = address.add(address).by(CHARACTER);
    match (function, args) {
        ("ip", _) if overload.member => Some(Call::of(ONE)),
        ("cidr" | "isIP" | "isCIDR" | "ip", [text, ..]) => Some(Call::of(text.text())),
        ("ip.isCanonical", [text, ..]) => Some(Call::of(text.size().by(2.0 * CHARACTER))),
        ("containsIP", [other, ..]) => {
            let read = if of_text {
                other.text()
            } else {
                Range::fixed(0)
            };
            Some(Call::of(compared.add(read)))
        }
        ("containsCIDR", [other, ..]) => {
            let read = if of_text {
                other.text()
            } else {
                Range::fixed(0)
            };
            let masked = address.by(CHARACTER).add(ONE);
            Some(Call::of(compared.add(masked).add(read)))
        }
        _ => None,
    }
}

/// Functions with a price of their own.
fn accessors(function: &str, args: &[Argument<'_>]) -> Option<Call> {
    match (function, args) {
        ("quantity" | "isQuantity" | "semver" | "isSemver", [text, ..]) => {
            Some(Call::of(text.text()))
        }
        ("validate", [text, ..]) => Some(Call::of(text.text().by(FORMAT_PATTERN * PATTERN))),
        _ => None,
    }
}

/// `==` of Kubernetes' own types.
fn same_type(function: &str, args: &[Argument<'_>]) -> Option<Call> {
    let ("_==_", [first, second]) = (function, args) else {
        return None;
    };
    let Type::Opaque(name) = &first.node.of else {
        return None;
    };
    if first.node.of != second.node.of {
        return None;
    }
    match name.as_ref() {
        "kubernetes.NamedFormat" => Some(Call::of(Range::new(1, FORMAT).by(CHARACTER))),
        "kubernetes.URL" => {
            let most = second.size.map_or(1, |size| size.max);
            Some(Call::of(Range::new(1, most).by(CHARACTER)))
        }
        _ => Some(Call::of(ONE)),
    }
}

/// cel-go's own functions whose costs depend on sizes.
fn standard(
    function: &str,
    overload: &Overload,
    target: Option<&Argument<'_>>,
    args: &[Argument<'_>],
) -> Option<Call> {
    let of_text = matches!(overload.arguments.first(), Some(Type::String | Type::Bytes));
    match (function, target, args) {
        ("format", Some(of), _) => Some(Call::of(of.text())),
        ("bytes", None, [text]) if overload.arguments == [Type::String] => {
            let size = text.size();
            Some(Call::of(text.text()).giving(Range::new(size.min, size.max.wrapping_mul(4))))
        }
        ("string", None, [bytes]) if overload.arguments == [Type::Bytes] => {
            let size = bytes.size();
            Some(Call::of(bytes.text()).giving(Range::new(size.min / 4, size.max)))
        }
        ("strings.quote", None, [text]) => {
            let size = text.size();
            let quoted = |length: u64, times: u64| length.wrapping_mul(times).wrapping_add(2);
            let size = Range::new(quoted(size.min, 1), quoted(size.max, 2));
            Some(Call::of(text.text()).giving(size))
        }
        ("startsWith" | "endsWith", Some(_), [part]) => Some(Call::of(part.text())),
        ("@in", None, [_, list]) if matches!(overload.arguments.get(1), Some(Type::List(_))) => {
            Some(Call::of(list.size()))
        }
        ("matches", Some(of), [wanted]) => Some(Call::of(pattern(of, wanted))),
        ("contains", Some(of), [part]) => Some(Call::of(of.text().times(part.text()))),
        ("_==_" | "_!=_", None, [first, second]) => Some(Call::of(compared(first, second))),
        ("_<_" | "_<=_" | "_>_" | "_>=_", None, [first, second]) if of_text => {
            Some(Call::of(compared(first, second)))
        }
        _ => None,
    }
}

fn compared(first: &Argument<'_>, second: &Argument<'_>) -> Range {
    let most = first.size().max.min(second.size().max);
    Range::new(u64::from(most > 0), most).by(CHARACTER)
}
