//! From source to a tree: the grammar is the published `cel` crate's, macros beyond the standard ones are expanded here
//! (`cel-go/ext/comprehensions.go`, `cel/library.go`).
//!
//! Of the crate's two parsers the recursive-descent one reads expressions, because its depth is bounded; the other, which
//! is generated from cel-go's grammar, has cel-go's messages and is asked for them where its appetite for stack and time is
//! no danger.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::parser::{ParseErrors, Parser, PrattParser};

use super::declarations::Overload;
use super::error::{CompileError, Issue, Position};
use super::macros;
use super::source;
use super::types::Type;
use super::value::Value;

/// Code points of the longest expression.
const LONGEST: usize = 100_000;
/// Nesting of the deepest expression, as cel-go's default.
pub(super) const DEEPEST: u16 = 250;
/// A tree is at most this deep before its depth is known.
const MOST_OPERATORS: usize = 1_500;
/// What the generated parser expects after the first branch of `?`, where cel-go's names the colon alone.
const AFTER_QUESTION: &str = "expecting {'==', '!=', 'in', '<', '<=', '>=', '>', '&&', '||', '[', '.', '-', ':', '+', '*', '/', '%'}";
/// Brackets inside brackets for which the generated parser is asked for its message.
const SHALLOW: usize = 4;
/// Bytes of the longest source that the generated parser is asked about: its time grows with the square.
const SHORT: usize = 2_000;

/// A node of the tree.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Names its place in the source; nodes made by macros share the macro's.
    pub id: u64,
    /// What it is.
    pub kind: Kind,
    /// Its type, once it was checked.
    pub of: Type,
    /// The signatures that fit, of a call that was checked.
    pub overloads: Vec<&'static Overload>,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A constant.
    Literal(Value),
    /// A variable, or a type.
    Ident(String),
    /// A field, or with `test` whether it is there.
    Select {
        operand: Box<Node>,
        field: String,
        test: bool,
    },
    /// A function, of a receiver if there is a target.
    Call {
        function: String,
        target: Option<Box<Node>>,
        args: Vec<Node>,
    },
    /// A list; those elements that are optional.
    List {
        elements: Vec<Node>,
        optional: Vec<usize>,
    },
    /// A map; an entry may be optional.
    Map(Vec<(Node, Node, bool)>),
    /// A message, which Kubernetes declares none of.
    Struct(String),
    /// A loop.
    Comprehension(Box<Comprehension>),
}

/// A loop over a list or map.
#[derive(Debug, Clone)]
pub(super) struct Comprehension {
    /// What is looped over.
    pub range: Node,
    /// Variable of the element, key or index.
    pub variable: String,
    /// Variable of the element or value, with two variables.
    pub second: Option<String>,
    /// Variable of the result so far.
    pub accumulator: String,
    /// Its first value.
    pub initial: Node,
    /// Whether to go on.
    pub condition: Node,
    /// The next value.
    pub step: Node,
    /// The result.
    pub result: Node,
}

impl Node {
    pub(super) fn new(id: u64, kind: Kind) -> Self {
        Self {
            id,
            kind,
            of: Type::Dyn,
            overloads: Vec::new(),
        }
    }

    pub(super) fn ident(id: u64, name: &str) -> Self {
        Self::new(id, Kind::Ident(name.to_owned()))
    }

    pub(super) fn literal(id: u64, value: Value) -> Self {
        Self::new(id, Kind::Literal(value))
    }

    pub(super) fn call(id: u64, function: &str, args: Vec<Node>) -> Self {
        let function = function.to_owned();
        Self::new(
            id,
            Kind::Call {
                function,
                target: None,
                args,
            },
        )
    }
}

/// Reads an expression.
pub(super) fn parse(source: &str) -> Result<Node, CompileError> {
    let length = source.chars().count();
    if length > LONGEST {
        let text =
            format!("expression code point size exceeds limit: size: {length}, limit {LONGEST}");
        return Err(CompileError::without_place(&text));
    }
    let too_deep = || {
        let text = format!("expression recursion limit exceeded: {DEEPEST}");
        CompileError::without_place(&text)
    };
    let code = source::code(source);
    let plain = source::without_pairs(source, &code);
    let code = source::without_pairs(&code, &code);
    if operators(&code) > MOST_OPERATORS || source::brackets(&code) >= usize::from(DEEPEST) {
        return Err(too_deep());
    }
    let tree = match parser().parse(&plain) {
        Ok(tree) => tree,
        Err(errors) => return Err(syntax_error(source, errors)),
    };
    let mut issues = Vec::new();
    match convert(tree, 0, &mut issues) {
        Some(_) if !issues.is_empty() => {
            Err(CompileError::new(source, &issues, &positions(source)))
        }
        Some(node) => Ok(node),
        None => Err(too_deep()),
    }
}

fn parser() -> PrattParser {
    PrattParser::new()
        .max_recursion_depth(DEEPEST)
        .enable_optional_syntax(true)
}

/// Characters of code that can make a tree deeper.
fn operators(code: &str) -> usize {
    let deepens = |c: &char| "+-*/%.[({?<>=!".contains(*c);
    code.chars().filter(deepens).count() + code.matches(" in ").count()
}

fn syntax_error(source: &str, errors: ParseErrors) -> CompileError {
    let mut errors = errors;
    let code = source::code(source);
    let short = source.len() <= SHORT && operators(&code) <= 40;
    if short && nesting(source, &code) <= SHALLOW {
        let generated = Parser::new().enable_optional_syntax(true);
        if let Err(more) = generated.parse(source) {
            errors = more;
        }
    }
    let issues = errors.errors.into_iter().map(|error| {
        let (line, column) = error.pos;
        let position = Position {
            line: usize::try_from(line).unwrap_or_default(),
            column: usize::try_from(column - 1).unwrap_or_default(),
        };
        let text = error.msg.replace(AFTER_QUESTION, "expecting ':'");
        (position, only_end(text))
    });
    // What the crate says of itself on top of the grammar's message.
    let own = |text: &str| text.starts_with("Incomplete `") || text.starts_with("No `");
    let issues: Vec<_> = issues.filter(|(_, text)| !own(text)).collect();
    CompileError::placed(source, &issues)
}

/// How deep the generated parser may have to go.
fn nesting(source: &str, code: &str) -> usize {
    // A quotation without an end it takes up again somewhere in the middle: what follows `//` there is no comment, and what closes
    // a bracket may be left out.
    if code.contains(['"', '\'', '`']) {
        let opening = |c: &char| "([{?".contains(*c);
        return source.chars().filter(opening).count();
    }
    source::brackets(&code.replace('?', "("))
}

/// Behind a whole expression Go's parser expects its end alone, or what closes the brackets round it, not also what could go
/// on with it.
fn only_end(text: String) -> String {
    let Some((what, expected)) = text.split_once(" expecting {") else {
        return text;
    };
    if expected.starts_with("<EOF>, ") {
        return format!("{what} expecting <EOF>");
    }
    // What an operator may follow.
    if !expected.starts_with("'==', ") {
        return text;
    }
    let mut closing = ["')'", "']'", "'}'"].into_iter();
    match closing.find(|close| expected.contains(close)) {
        Some("')'") => format!("{what} expecting ')'"),
        Some(close) if expected.contains("','") => format!("{what} expecting {{{close}, ','}}"),
        Some(close) => format!("{what} expecting {close}"),
        None => text,
    }
}

/// Where the nodes of an expression are. The parser tells only with an error, so one is provoked.
pub(super) fn positions(source: &str) -> impl Fn(u64, Option<char>) -> Position + use<> {
    let provoked = parser().parse(&format!("{source}\n)")).err();
    let info = provoked.and_then(|errors| {
        let mut errors = errors.errors.into_iter();
        errors.find_map(|error| error.source_info)
    });
    let source = source.to_owned();
    move |id, bracket| {
        let offset = info.as_ref().and_then(|info| info.offset_for(id));
        let mut offset = offset.map_or(0, |(start, _)| start as usize);
        let rest = source.get(offset..).unwrap_or_default();
        if let Some(further) = bracket.and_then(|bracket| rest.find(bracket)) {
            offset += further;
        }
        let before = source.get(..offset).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        Position {
            line: before.matches('\n').count() + 1,
            column: line.chars().count(),
        }
    }
}

/// The tree with all macros expanded; `None` if it is too deep.
fn convert(tree: IdedExpr, depth: u16, issues: &mut Vec<Issue>) -> Option<Node> {
    if depth > DEEPEST {
        return None;
    }
    let id = tree.id;
    let mut inner = |tree: IdedExpr| convert(tree, depth + 1, issues);
    let kind = match tree.expr {
        Expr::Unspecified => Kind::Literal(Value::Null),
        Expr::Literal(literal) => Kind::Literal(constant(literal)),
        Expr::Ident(name) => Kind::Ident(name.trim_start_matches('.').to_owned()),
        Expr::Select(select) => Kind::Select {
            operand: Box::new(inner(*select.operand)?),
            field: select.field,
            test: select.test,
        },
        Expr::Call(call) => {
            let target = match call.target {
                Some(target) => Some(Box::new(inner(*target)?)),
                None => None,
            };
            let args = call.args.into_iter().map(&mut inner);
            let args = args.collect::<Option<Vec<_>>>()?;
            let function = call.func_name.trim_start_matches('.').to_owned();
            return Some(macros::expand(id, function, target, args, issues));
        }
        Expr::List(list) => Kind::List {
            elements: list
                .elements
                .into_iter()
                .map(&mut inner)
                .collect::<Option<_>>()?,
            optional: list.optional_indices,
        },
        Expr::Map(map) => {
            let mut entries = Vec::new();
            for entry in map.entries {
                if let EntryExpr::MapEntry(entry) = entry.expr {
                    entries.push((inner(entry.key)?, inner(entry.value)?, entry.optional));
                }
            }
            Kind::Map(entries)
        }
        Expr::Struct(message) => Kind::Struct(message.type_name),
        Expr::Comprehension(comprehension) => Kind::Comprehension(Box::new(Comprehension {
            range: inner(comprehension.iter_range)?,
            variable: comprehension.iter_var,
            second: comprehension.iter_var2,
            accumulator: comprehension.accu_var,
            initial: inner(comprehension.accu_init)?,
            condition: inner(comprehension.loop_cond)?,
            step: inner(comprehension.loop_step)?,
            result: inner(comprehension.result)?,
        })),
    };
    Some(Node::new(id, kind))
}

fn constant(literal: LiteralValue) -> Value {
    match literal {
        LiteralValue::Boolean(value) => Value::Bool(value.into_inner()),
        LiteralValue::Bytes(value) => Value::Bytes(value.into_inner().into()),
        LiteralValue::Double(value) => Value::Double(value.into_inner()),
        LiteralValue::Int(value) => Value::Int(value.into_inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(value) => Value::from(value.into_inner()),
        LiteralValue::UInt(value) => Value::Uint(value.into_inner()),
    }
}
