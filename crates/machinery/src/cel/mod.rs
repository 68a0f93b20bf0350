//! The Common Expression Language as Kubernetes has it: rules of custom resources (`x-kubernetes-validations`),
//! policies of validating admission and match conditions. Pure: no clock, no chance.
//!
//! # Use
//!
//! ```
//! use machinery::cel::{Env, Type, Variables, untyped};
//! use serde_json::json;
//!
//! let env = Env::new().variable("object", Type::Dyn);
//! let program = env.compile("object.spec.replicas <= 5").unwrap();
//! let mut variables = Variables::new();
//! variables.set("object", untyped(&json!({"spec": {"replicas": 7}})));
//! let run = program.run(&variables);
//! assert_eq!(run.result.unwrap().as_bool(), Some(false));
//! ```
//!
//! - [`Env`] declares variables with types. [`Type::Dyn`] is not checked before the expression runs; [`Shape`] makes types
//!   and values from structural schemas; [`Object`] makes types with named fields by hand.
//! - [`Env::compile`] parses and checks; its error prints as cel-go prints it (`ERROR: <input>:1:5: undefined field 'x'`,
//!   with the source and a caret). Kubernetes puts `compilation failed: ` in front.
//! - [`Program::output`] is the type of the result, [`Program::uses`] whether a variable occurs.
//! - [`Program::estimate`] is the most it may cost, from what a schema says about the size of data.
//! - [`Program::run`] gives a value or an error (`no such key: x`) and what it cost; a run is stopped at [`PER_CALL`].
//!   Budgets over several runs are the caller's: subtract [`Run::cost`].
//! - Lazily computed variables: set what could be computed, and [`Value::Broken`] with the error's text for what could not;
//!   whoever reads it gets the error.
//! - Functions that need the world (`authorizer.…`) are declared with [`Env::function`] and answered by a [`Host`];
//!   [`Value::Foreign`] carries whatever its methods are called on.
//!
//! The grammar is read by the crate `cel`; types, costs, values and functions are cel-go's and Kubernetes' (see the modules).

pub mod admission;
mod check;
mod constants;
mod declarations;
pub mod device;
mod error;
mod estimate;
mod eval;
mod instant;
mod library;
mod literals;
mod macros;
mod parse;
pub mod resource_types;
mod settle;
mod shape;
mod source;
#[cfg(test)]
mod tests;
mod types;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use error::{CompileError, EvalError};
pub(crate) use shape::RESERVED;
pub use shape::{Kind as ShapeKind, Shape, escape, untyped};
pub use types::{Object, Type};
pub use value::{Key, List, ListKind, Value};

/// The most one run may cost.
pub const PER_CALL: u64 = 1_000_000;
/// The most all rules of one object may cost.
pub const PER_OBJECT: u64 = 10_000_000;

/// Declarations an expression is checked against.
#[derive(Debug)]
pub struct Env {
    variables: BTreeMap<String, Type>,
    functions: BTreeMap<String, Vec<declarations::Overload>>,
}

impl Env {
    /// Kubernetes' functions, with those of the authorizer, and no variables: where there is no `authorizer`, an
    /// expression that asks one is told just that (`environment.MustBaseEnvSet`).
    pub fn new() -> Self {
        admission::with_authorizer(Self {
            variables: BTreeMap::new(),
            functions: BTreeMap::new(),
        })
    }

    /// Declares a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, of: Type) -> Self {
        self.variables.insert(name.to_owned(), of);
        self
    }

    /// Declares a function a [`Host`] answers; with `member`, of a receiver that is the first argument.
    #[must_use]
    pub fn function(
        mut self,
        name: &str,
        member: bool,
        arguments: Vec<Type>,
        result: Type,
    ) -> Self {
        let overload = declarations::Overload {
            member,
            arguments,
            result,
        };
        self.functions
            .entry(name.to_owned())
            .or_default()
            .push(overload);
        self
    }

    /// Parses and checks an expression.
    pub fn compile(&self, source: &str) -> Result<Program, CompileError> {
        let mut tree = parse::parse(source)?;
        let checked = check::check(&mut tree, &self.variables, &self.functions);
        let checked = checked
            .map_err(|issues| CompileError::new(source, &issues, &parse::positions(source)))?;
        Ok(Program {
            tree: Arc::new(tree),
            output: checked.output,
            used: checked.used,
        })
    }
}

impl Default for Env {
    fn default() -> Self {
        Self::new()
    }
}

/// An expression that can be run.
#[derive(Debug, Clone)]
pub struct Program {
    tree: Arc<parse::Node>,
    output: Type,
    used: BTreeSet<String>,
}

/// Values of variables.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, Value>,
}

impl Variables {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }
}

/// Answers functions that need more than their arguments.
pub trait Host {
    /// The result of a function, receiver first, or `None` if it is not this host's.
    fn call(&self, function: &str, arguments: &[Value]) -> Option<Result<Value, EvalError>>;
    /// What such a call costs, if it has a cost of its own.
    fn cost(&self, function: &str, arguments: &[Value]) -> Option<u64>;
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Run {
    /// The value or the error.
    pub result: Result<Value, EvalError>,
    /// What it cost.
    pub cost: u64,
}

impl Program {
    /// The type of the result.
    pub fn output(&self) -> &Type {
        &self.output
    }

    /// Whether a declared variable occurs in it.
    pub fn uses(&self, variable: &str) -> bool {
        self.used.contains(variable)
    }

    /// Whether it can be made ready to run: constants must be convertible as it converts them, and patterns of `find` and
    /// `findAll` must be some.
    ///
    /// # Errors
    /// What is wrong with the first one that isn't, in Go's words (`error parsing regexp: …`). Kubernetes puts
    /// `program instantiation failed: ` in front.
    pub fn instantiate(&self) -> Result<(), String> {
        constants::fold(&self.tree).map(drop)
    }

    /// The most a run may cost with data of that shape as `self`.
    pub fn estimate(&self, data: &Shape) -> u64 {
        estimate::most(&self.tree, data)
    }

    /// Runs it, for at most [`PER_CALL`].
    pub fn run(&self, variables: &Variables) -> Run {
        self.run_with(variables, None, PER_CALL)
    }

    /// Runs it with a host, for at most `limit`.
    pub fn run_with(&self, variables: &Variables, host: Option<&dyn Host>, limit: u64) -> Run {
        let mut run = eval::Run {
            variables,
            host,
            limit,
            cost: 0,
            scopes: Vec::new(),
        };
        let result = run.node(&self.tree);
        Run {
            result,
            cost: run.cost,
        }
    }
}
