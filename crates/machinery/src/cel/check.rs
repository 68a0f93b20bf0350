//! The type of every part of an expression (`cel-go/checker/checker.go`), and what Kubernetes checks beyond
//! (`cel/validator.go`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::declarations::{Overload, named_type, overloads};
use super::error::Issue;
use super::parse::{Comprehension, Kind, Node};
use super::settle;
use super::types::{Bindings, Type, most_general};
use super::value::Value;

/// What checking found out.
pub(super) struct Checked {
    /// The type of the whole expression.
    pub output: Type,
    /// Declared variables the expression uses.
    pub used: BTreeSet<String>,
}

/// Checks an expression and resolves names in it. Complaints are not in order.
pub(super) fn check(
    tree: &mut Node,
    variables: &BTreeMap<String, Type>,
    functions: &BTreeMap<String, Vec<Overload>>,
) -> Result<Checked, Vec<Issue>> {
    let mut checker = Checker {
        variables,
        functions,
        scopes: Vec::new(),
        bindings: Bindings::default(),
        free: 0,
        issues: Vec::new(),
        used: BTreeSet::new(),
        aggregates: Vec::new(),
        in_format: 0,
        matched: Vec::new(),
    };
    let output = checker.node(tree);
    let output = checker.bindings.substitute(&output, true);
    if checker.issues.is_empty() {
        checker.homogeneous();
    }
    if checker.issues.is_empty() {
        super::literals::check(tree, &checker.bindings, &mut checker.issues);
    }
    if checker.issues.is_empty() {
        settle::settle(tree, &checker.bindings);
        let used = checker.used;
        Ok(Checked { output, used })
    } else {
        Err(checker.issues)
    }
}

struct Checker<'a> {
    variables: &'a BTreeMap<String, Type>,
    functions: &'a BTreeMap<String, Vec<Overload>>,
    scopes: Vec<(String, Type)>,
    bindings: Bindings,
    free: usize,
    issues: Vec<Issue>,
    used: BTreeSet<String>,
    /// Types of the parts of lists and maps, with the nodes they are at.
    aggregates: Vec<Vec<(u64, Type)>>,
    in_format: usize,
    /// The signatures that fit the call that was resolved last.
    matched: Vec<&'static Overload>,
}

impl Checker<'_> {
    fn complain(&mut self, id: u64, text: &str) -> Type {
        self.issues.push(Issue::new(id, text));
        Type::Error
    }

    /// About a function that is called by name.
    fn complain_of_call(&mut self, id: u64, function: &str, member: bool, text: &str) -> Type {
        let named = !member && function.starts_with(|c: char| c.is_ascii_alphabetic());
        if !named {
            return self.complain(id, text);
        }
        self.issues.push(Issue::at(id, '(', text));
        Type::Error
    }

    fn new_variable(&mut self) -> Type {
        self.free += 1;
        Type::Param(format!("_var{}", self.free).into())
    }

    fn undeclared(&mut self, id: u64, name: &str) -> Type {
        self.complain(id, &undeclared(name))
    }

    fn node(&mut self, node: &mut Node) -> Type {
        let found = self.found(node);
        node.of = found.clone();
        if let Kind::Call { .. } = node.kind {
            node.overloads = std::mem::take(&mut self.matched);
        }
        found
    }

    fn found(&mut self, node: &mut Node) -> Type {
        let id = node.id;
        match &mut node.kind {
            Kind::Literal(value) => value.type_of(),
            Kind::Ident(name) => {
                let name = name.clone();
                match self.lookup(&name) {
                    Some(found) => found,
                    None => self.undeclared(id, &name),
                }
            }
            Kind::Select { .. } => self.select(node),
            Kind::Call { .. } => self.call(node),
            Kind::List { elements, optional } => self.list(elements, optional),
            Kind::Map(entries) => self.map(entries),
            Kind::Struct(name) => {
                let text = undeclared(name);
                self.issues.push(Issue::at(id, '{', &text));
                Type::Error
            }
            Kind::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    fn lookup(&mut self, name: &str) -> Option<Type> {
        if let Some((_, found)) = self.scopes.iter().rev().find(|(known, _)| known == name) {
            return Some(found.clone());
        }
        if let Some(found) = self.variables.get(name) {
            self.used.insert(name.to_owned());
            return Some(found.clone());
        }
        named_type(name).map(|of| Type::Kind(Arc::new(of)))
    }

    fn select(&mut self, node: &mut Node) -> Type {
        let id = node.id;
        if let Some(name) = qualified_name(node)
            && let Some(found) = self.lookup(&name)
        {
            node.kind = Kind::Ident(name);
            return found;
        }
        let Kind::Select {
            operand,
            field,
            test,
        } = &mut node.kind
        else {
            return Type::Error;
        };
        let (field, test) = (field.clone(), *test);
        let operand = self.node(operand);
        let before = self.issues.len();
        let result = self.field(id, &operand, &field, false);
        if test {
            // `has(…)` stands where its bracket opens.
            for issue in self.issues.iter_mut().skip(before) {
                issue.bracket = Some('(');
            }
        }
        if test { Type::Bool } else { result }
    }

    fn field(&mut self, id: u64, operand: &Type, field: &str, optional: bool) -> Type {
        let operand = self.bindings.substitute(operand, false);
        let (inner, was_optional) = match operand {
            Type::Optional(inner) => (inner.as_ref().clone(), true),
            other => (other, false),
        };
        let result = match &inner {
            Type::Map(_, value) => value.as_ref().clone(),
            Type::Object(object) => match object.field(field) {
                Some(found) => found.clone(),
                None => self.complain(id, &format!("undefined field '{field}'")),
            },
            // Objects that nobody declared; those of `net` are none.
            Type::Opaque(name) if !name.starts_with("net.") => {
                self.complain(id, &format!("unexpected failed resolution of '{name}'"))
            }
            Type::Param(_) => {
                self.bindings.assignable(&Type::Dyn, &inner);
                Type::Dyn
            }
            Type::Dyn | Type::Error => Type::Dyn,
            other => {
                let text = format!("type '{other}' does not support field selection");
                self.complain(id, &text);
                Type::Dyn
            }
        };
        if was_optional || optional {
            return Type::optional(result);
        }
        self.bindings.substitute(&result, false)
    }

    fn call(&mut self, node: &mut Node) -> Type {
        let id = node.id;
        let Kind::Call {
            function,
            target,
            args,
        } = &mut node.kind
        else {
            return Type::Error;
        };
        if function == "_?._" {
            let name = match args.get(1).map(|field| &field.kind) {
                Some(Kind::Literal(Value::String(name))) => name.to_string(),
                _ => return self.complain(id, "unsupported optional field selection"),
            };
            let operand = match args.first_mut() {
                Some(operand) => self.node(operand),
                None => Type::Error,
            };
            return self.field(id, &operand, &name, true);
        }
        let is_format = function == "format";
        self.in_format += usize::from(is_format);
        let mut types: Vec<Type> = Vec::new();
        for arg in args.iter_mut() {
            let found = self.node(arg);
            types.push(found);
        }
        self.in_format -= usize::from(is_format);
        let Some(receiver) = target else {
            return self.resolve(id, &function.clone(), false, &types, args);
        };
        let namespaced = qualified_name(receiver).map(|prefix| format!("{prefix}.{function}"));
        if let Some(name) = namespaced.filter(|name| self.exists(name)) {
            let found = self.resolve(id, &name, false, &types, args);
            function.clone_from(&name);
            *target = None;
            return found;
        }
        let receiver = self.node(receiver);
        types.insert(0, receiver);
        self.resolve(id, &function.clone(), true, &types, args)
    }

    fn exists(&self, function: &str) -> bool {
        overloads(function).is_some() || self.functions.contains_key(function)
    }

    fn resolve(
        &mut self,
        id: u64,
        function: &str,
        member: bool,
        types: &[Type],
        args: &[Node],
    ) -> Type {
        if !self.exists(function) {
            let text = undeclared(function);
            return self.complain_of_call(id, function, member, &text);
        }
        if matches!(function, "_&&_" | "_||_") {
            return self.logical(types, args);
        }
        let functions = self.functions;
        let own = functions
            .get(function)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let known = overloads(function).unwrap_or_default();
        let mut result: Option<Type> = None;
        let mut matched = Vec::new();
        for (index, overload) in known.iter().chain(own).enumerate() {
            if overload.member != member || overload.arguments.len() != types.len() {
                continue;
            }
            let (wanted, gives) = self.instantiate(overload);
            let pairs: Vec<(&Type, &Type)> = types.iter().zip(&wanted).collect();
            if !self.bindings.all_assignable(&pairs) {
                continue;
            }
            matched.extend(known.get(index));
            let gives = self.bindings.substitute(&gives, false);
            result = Some(match result {
                None => gives,
                Some(before) if before == Type::Dyn || before == gives => before,
                Some(_) => Type::Dyn,
            });
        }
        if let Some(result) = result {
            self.matched = matched;
            return result;
        }
        let names: Vec<String> = types
            .iter()
            .map(|found| self.bindings.substitute(found, true).to_string())
            .collect();
        let signature = match names.split_first() {
            Some((receiver, rest)) if member => format!("{receiver}.({})", rest.join(", ")),
            _ => format!("({})", names.join(", ")),
        };
        let text = format!("found no matching overload for '{function}' applied to '{signature}'");
        self.complain_of_call(id, function, member, &text)
    }

    fn logical(&mut self, types: &[Type], args: &[Node]) -> Type {
        let mut result = Type::Bool;
        for (found, arg) in types.iter().zip(args) {
            if !self.bindings.assignable(found, &Type::Bool) {
                let text = format!("expected type 'bool' but found '{found}'");
                result = self.complain(arg.id, &text);
            }
        }
        result
    }

    /// An overload's types with fresh variables.
    fn instantiate(&mut self, overload: &Overload) -> (Vec<Type>, Type) {
        let mut fresh: BTreeMap<Arc<str>, Type> = BTreeMap::new();
        let wanted = overload
            .arguments
            .iter()
            .map(|wanted| self.renamed(wanted, &mut fresh))
            .collect();
        let result = self.renamed(&overload.result, &mut fresh);
        (wanted, result)
    }

    fn renamed(&mut self, of: &Type, fresh: &mut BTreeMap<Arc<str>, Type>) -> Type {
        match of {
            Type::Param(name) => {
                if let Some(known) = fresh.get(name) {
                    return known.clone();
                }
                let variable = self.new_variable();
                fresh.insert(name.clone(), variable.clone());
                variable
            }
            Type::List(inner) => Type::list(self.renamed(inner, fresh)),
            Type::Optional(inner) => Type::optional(self.renamed(inner, fresh)),
            Type::Kind(inner) => Type::Kind(Arc::new(self.renamed(inner, fresh))),
            Type::Map(key, value) => Type::Map(
                Arc::new(self.renamed(key, fresh)),
                Arc::new(self.renamed(value, fresh)),
            ),
            other => other.clone(),
        }
    }

    /// The type of an optional part of a list or map, taken out of its optional.
    fn unwrapped(&mut self, id: u64, found: Type, optional: bool) -> Type {
        if !optional {
            return found;
        }
        match found {
            Type::Optional(inner) => inner.as_ref().clone(),
            Type::Dyn | Type::Error => found,
            other => {
                let wanted = Type::optional(other.clone());
                self.complain(id, &format!("expected type '{wanted}' but found '{other}'"));
                other
            }
        }
    }

    fn join(&mut self, id: u64, before: Option<Type>, next: Type) -> Type {
        let Some(before) = before else {
            return next;
        };
        if self.bindings.assignable(&before, &next) {
            return most_general(&before, &next);
        }
        // Lists of mixed types are for `format` alone; elsewhere they are refused once all types are known.
        if self.in_format > 0 {
            return Type::Dyn;
        }
        let text = format!("expected type '{before}' but found '{next}'");
        self.complain(id, &text)
    }

    fn list(&mut self, elements: &mut [Node], optional: &[usize]) -> Type {
        let mut joined = None;
        let mut parts = Vec::new();
        for (index, element) in elements.iter_mut().enumerate() {
            let found = self.node(element);
            let found = self.unwrapped(element.id, found, optional.contains(&index));
            parts.push((element.id, found.clone()));
            joined = Some(self.join(element.id, joined, found));
        }
        if self.in_format == 0 {
            self.aggregates.push(parts);
        }
        Type::list(joined.unwrap_or_else(|| self.new_variable()))
    }

    fn map(&mut self, entries: &mut [(Node, Node, bool)]) -> Type {
        let (mut keys, mut values) = (None, None);
        let (mut key_parts, mut value_parts) = (Vec::new(), Vec::new());
        for (key, value, optional) in entries {
            let found = self.node(key);
            key_parts.push((key.id, found.clone()));
            keys = Some(self.join(key.id, keys, found));
            let found = self.node(value);
            let found = self.unwrapped(value.id, found, *optional);
            value_parts.push((value.id, found.clone()));
            values = Some(self.join(value.id, values, found));
        }
        if self.in_format == 0 {
            self.aggregates.push(key_parts);
            self.aggregates.push(value_parts);
        }
        let key = keys.unwrap_or_else(|| self.new_variable());
        let value = values.unwrap_or_else(|| self.new_variable());
        Type::Map(Arc::new(key), Arc::new(value))
    }

    fn comprehension(&mut self, loops: &mut Comprehension) -> Type {
        let range = self.node(&mut loops.range);
        let accumulator = self.node(&mut loops.initial);
        let range = self.bindings.substitute(&range, false);
        let depth = self.scopes.len();
        self.scopes
            .push((loops.accumulator.clone(), accumulator.clone()));
        let (first, second) = match &range {
            Type::List(item) if loops.second.is_some() => (Type::Int, item.as_ref().clone()),
            Type::List(item) => (item.as_ref().clone(), Type::Dyn),
            Type::Map(key, value) => (key.as_ref().clone(), value.as_ref().clone()),
            Type::Dyn | Type::Error | Type::Param(_) => {
                self.bindings.assignable(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            other => {
                let text = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.complain(loops.range.id, &text);
                (Type::Error, Type::Error)
            }
        };
        self.scopes.push((loops.variable.clone(), first));
        if let Some(name) = &loops.second {
            self.scopes.push((name.clone(), second));
        }
        let condition = self.node(&mut loops.condition);
        self.expect(loops.condition.id, &Type::Bool, &condition);
        let step = self.node(&mut loops.step);
        self.expect(loops.step.id, &accumulator, &step);
        self.scopes.truncate(depth + 1);
        let result = self.node(&mut loops.result);
        self.scopes.truncate(depth);
        self.bindings.substitute(&result, false)
    }

    fn expect(&mut self, id: u64, wanted: &Type, found: &Type) {
        if !self.bindings.assignable(wanted, found) {
            let wanted = self.bindings.substitute(wanted, false);
            self.complain(id, &format!("expected type '{wanted}' but found '{found}'"));
        }
    }

    /// Parts of lists and maps have one type each.
    fn homogeneous(&mut self) {
        for parts in std::mem::take(&mut self.aggregates) {
            let mut first: Option<Type> = None;
            for (id, found) in parts {
                let found = self.bindings.substitute(&found, true);
                match &first {
                    None => first = Some(found),
                    Some(first) if *first == found => {}
                    Some(first) => {
                        let text = format!("expected type '{first}' but found '{found}'");
                        self.complain(id, &text);
                        break;
                    }
                }
            }
        }
    }
}

fn undeclared(name: &str) -> String {
    format!("undeclared reference to '{name}' (in container '')")
}

/// `a.b.c` where only names and fields are.
fn qualified_name(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select {
            operand,
            field,
            test: false,
        } => Some(format!("{}.{field}", qualified_name(operand)?)),
        _ => None,
    }
}
