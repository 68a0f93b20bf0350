//! Functions and their types.

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A number.
    Scalar,
    /// A text.
    Text,
    /// Series at one moment.
    Vector,
    /// Series over time.
    Matrix,
}

impl Type {
    /// As Prometheus' documentation says.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Text => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }
}

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// Types of the arguments; the last stands for those beyond it.
    pub args: &'static [Type],
    /// How many arguments may be there beyond all but the last: none, some, or any number for less than 0. 0: exactly `args`.
    pub variadic: i8,
    /// What it returns.
    pub returns: Type,
    /// Whether a feature flag must be set.
    pub experimental: bool,
}

const fn plain(name: &'static str, args: &'static [Type], returns: Type) -> Function {
    variadic(name, args, 0, returns)
}

const fn variadic(
    name: &'static str,
    args: &'static [Type],
    variadic: i8,
    returns: Type,
) -> Function {
    Function {
        name,
        args,
        variadic,
        returns,
        experimental: false,
    }
}

const fn experimental(function: Function) -> Function {
    Function {
        experimental: true,
        ..function
    }
}

const S: Type = Type::Scalar;
const T: Type = Type::Text;
const V: Type = Type::Vector;
const M: Type = Type::Matrix;

static FUNCTIONS: &[Function] = &[
    plain("abs", &[V], V),
    plain("absent", &[V], V),
    plain("absent_over_time", &[M], V),
    plain("acos", &[V], V),
    plain("acosh", &[V], V),
    plain("asin", &[V], V),
    plain("asinh", &[V], V),
    plain("atan", &[V], V),
    plain("atanh", &[V], V),
    plain("avg_over_time", &[M], V),
    plain("ceil", &[V], V),
    plain("changes", &[M], V),
    plain("clamp", &[V, S, S], V),
    plain("clamp_max", &[V, S], V),
    plain("clamp_min", &[V, S], V),
    plain("cos", &[V], V),
    plain("cosh", &[V], V),
    plain("count_over_time", &[M], V),
    variadic("day_of_month", &[V], 1, V),
    variadic("day_of_week", &[V], 1, V),
    variadic("day_of_year", &[V], 1, V),
    variadic("days_in_month", &[V], 1, V),
    plain("deg", &[V], V),
    plain("delta", &[M], V),
    plain("deriv", &[M], V),
    experimental(plain("double_exponential_smoothing", &[M, S, S], V)),
    experimental(plain("end", &[], S)),
    plain("exp", &[V], V),
    // Stable in Prometheus 3.8; experimental before, but no rule was refused for it that upstream would take.
    plain("first_over_time", &[M], V),
    plain("floor", &[V], V),
    plain("histogram_avg", &[V], V),
    plain("histogram_count", &[V], V),
    plain("histogram_fraction", &[S, S, V], V),
    plain("histogram_quantile", &[S, V], V),
    experimental(variadic("histogram_quantiles", &[V, T, S, S], 9, V)),
    plain("histogram_stddev", &[V], V),
    plain("histogram_stdvar", &[V], V),
    plain("histogram_sum", &[V], V),
    variadic("hour", &[V], 1, V),
    plain("idelta", &[M], V),
    plain("increase", &[M], V),
    experimental(variadic("info", &[V, V], 1, V)),
    plain("irate", &[M], V),
    variadic("label_join", &[V, T, T, T], -1, V),
    plain("label_replace", &[V, T, T, T, T], V),
    plain("last_over_time", &[M], V),
    plain("ln", &[V], V),
    plain("log10", &[V], V),
    plain("log2", &[V], V),
    experimental(plain("mad_over_time", &[M], V)),
    experimental(plain("max_of", &[S, S], S)),
    plain("max_over_time", &[M], V),
    experimental(plain("min_of", &[S, S], S)),
    plain("min_over_time", &[M], V),
    variadic("minute", &[V], 1, V),
    variadic("month", &[V], 1, V),
    plain("pi", &[], S),
    plain("predict_linear", &[M, S], V),
    plain("present_over_time", &[M], V),
    plain("quantile_over_time", &[S, M], V),
    plain("rad", &[V], V),
    experimental(plain("range", &[], S)),
    plain("rate", &[M], V),
    plain("resets", &[M], V),
    variadic("round", &[V, S], 1, V),
    plain("scalar", &[V], S),
    plain("sgn", &[V], V),
    plain("sin", &[V], V),
    plain("sinh", &[V], V),
    plain("sort", &[V], V),
    experimental(variadic("sort_by_label", &[V, T], -1, V)),
    experimental(variadic("sort_by_label_desc", &[V, T], -1, V)),
    plain("sort_desc", &[V], V),
    plain("sqrt", &[V], V),
    experimental(plain("start", &[], S)),
    experimental(plain("start_timestamp", &[V], V)),
    plain("stddev_over_time", &[M], V),
    plain("stdvar_over_time", &[M], V),
    experimental(plain("step", &[], S)),
    plain("sum_over_time", &[M], V),
    plain("tan", &[V], V),
    plain("tanh", &[V], V),
    plain("time", &[], S),
    plain("timestamp", &[V], V),
    experimental(plain("ts_of_first_over_time", &[M], V)),
    experimental(plain("ts_of_last_over_time", &[M], V)),
    experimental(plain("ts_of_max_over_time", &[M], V)),
    experimental(plain("ts_of_min_over_time", &[M], V)),
    plain("vector", &[S], V),
    variadic("year", &[V], 1, V),
];

/// The function of that name.
pub(super) fn function(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// An aggregation by its keyword in lower case.
pub(super) fn aggregation(word: &str) -> Option<&'static str> {
    const AGGREGATIONS: [&str; 14] = [
        "avg",
        "bottomk",
        "count",
        "count_values",
        "group",
        "limit_ratio",
        "limitk",
        "max",
        "min",
        "quantile",
        "stddev",
        "stdvar",
        "sum",
        "topk",
    ];
    AGGREGATIONS.iter().find(|name| **name == word).copied()
}
