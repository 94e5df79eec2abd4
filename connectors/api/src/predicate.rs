//! The closed language in which a source is asked: predicates, grouping and sort keys, aggregates.
//!
//! Small on purpose: every connector handles all of it or says so, and a test can enumerate it. A DataFusion expression
//! becomes one of these in exactly one place ([`crate::translate`]); whatever does not fit stays with the engine.

use chrono_tz::Tz;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::scalar::ScalarValue;
use std::fmt;

/// A column, or a field nested inside one: `["address", "zip"]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnPath(pub Vec<String>);

impl ColumnPath {
    /// A top-level column.
    #[must_use]
    pub fn column(name: impl Into<String>) -> Self {
        Self(vec![name.into()])
    }

    /// The top-level column this path starts at.
    #[must_use]
    pub fn root(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }
}

impl fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
}

impl CompareOp {
    /// The operator with its sides swapped: `a < b` is `b > a`.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::LtEq => Self::GtEq,
            Self::Gt => Self::Lt,
            Self::GtEq => Self::LtEq,
            same => same,
        }
    }

    /// SQL text.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::NotEq => "<>",
            Self::Lt => "<",
            Self::LtEq => "<=",
            Self::Gt => ">",
            Self::GtEq => ">=",
        }
    }
}

/// A condition on the columns of one table, with SQL's three-valued meaning. Values have the column's own type and are
/// never NULL. Nothing in it can fail or call a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// `column op value`
    Compare {
        /// The column.
        column: ColumnPath,
        /// The operator.
        op: CompareOp,
        /// A non-NULL value of the column's type.
        value: ScalarValue,
    },
    /// `column IN (values)`
    In {
        /// The column.
        column: ColumnPath,
        /// Non-NULL values of the column's type; never empty.
        values: Vec<ScalarValue>,
    },
    /// `column IS NULL`
    IsNull {
        /// The column.
        column: ColumnPath,
    },
    /// `column BETWEEN low AND high`, both ends included.
    Between {
        /// The column.
        column: ColumnPath,
        /// Lower end.
        low: ScalarValue,
        /// Upper end.
        high: ScalarValue,
    },
    /// `column LIKE 'prefix%'`, the prefix unescaped.
    Prefix {
        /// The column.
        column: ColumnPath,
        /// The text every match starts with.
        prefix: String,
    },
    /// All hold.
    And(Vec<Predicate>),
    /// Any holds.
    Or(Vec<Predicate>),
    /// Three-valued NOT.
    Not(Box<Predicate>),
}

impl Predicate {
    /// Calls `visit` with every column this predicate reads.
    pub fn for_each_column(&self, visit: &mut dyn FnMut(&ColumnPath)) {
        match self {
            Self::Compare { column, .. }
            | Self::In { column, .. }
            | Self::IsNull { column }
            | Self::Between { column, .. }
            | Self::Prefix { column, .. } => visit(column),
            Self::And(all) | Self::Or(all) => all.iter().for_each(|p| p.for_each_column(visit)),
            Self::Not(inner) => inner.for_each_column(visit),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn joined(f: &mut fmt::Formatter<'_>, all: &[Predicate], word: &str) -> fmt::Result {
            f.write_str("(")?;
            for (i, p) in all.iter().enumerate() {
                if i > 0 {
                    write!(f, " {word} ")?;
                }
                write!(f, "{p}")?;
            }
            f.write_str(")")
        }
        match self {
            Self::Compare { column, op, value } => write!(f, "{column} {} {}", op.sql(), Literal(value)),
            Self::In { column, values } if values.len() > 8 => write!(f, "{column} IN ({} values)", values.len()),
            Self::In { column, values } => {
                write!(f, "{column} IN (")?;
                for (i, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if i > 0 { ", " } else { "" }, Literal(value))?;
                }
                f.write_str(")")
            }
            Self::IsNull { column } => write!(f, "{column} IS NULL"),
            Self::Between { column, low, high } => write!(f, "{column} BETWEEN {} AND {}", Literal(low), Literal(high)),
            Self::Prefix { column, prefix } => write!(f, "{column} LIKE '{}%'", prefix.replace('\'', "''")),
            Self::And(all) => joined(f, all, "AND"),
            Self::Or(all) => joined(f, all, "OR"),
            Self::Not(inner) => write!(f, "NOT ({inner})"),
        }
    }
}

/// A value as SQL text, for EXPLAIN only: values reach a source as bind parameters.
struct Literal<'a>(&'a ScalarValue);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                write!(f, "'{}'", self.0.to_string().replace('\'', "''"))
            }
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) | DataType::Time64(_) => {
                let text = self.0.to_array().and_then(|array| Ok(array_value_to_string(&array, 0)?));
                write!(f, "'{}'", text.unwrap_or_else(|_| self.0.to_string()))
            }
            _ => write!(f, "{}", self.0),
        }
    }
}

/// How far a source vouches for a predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// The source would ignore it.
    Unsupported,
    /// The source returns a superset of the matching rows; the engine checks again.
    Inexact,
    /// The source returns exactly the matching rows, as the engine would have chosen them.
    Exact,
}

/// A function that a source may group or sort by, with the zone it computes in.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyFunction {
    /// `date_format(column, format)` with MySQL's format letters.
    DateFormat(String),
    /// `date_trunc(unit, column)`
    DateTrunc(String),
    /// `year(column)` ... `second(column)`: the part's name.
    DatePart(String),
    /// `CAST(column AS DATE)` of a timestamp.
    Date,
}

/// What rows are grouped or sorted by.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyExpr {
    /// A bare column.
    Column(ColumnPath),
    /// A function of one column, computed in `zone`.
    Function {
        /// The function.
        function: KeyFunction,
        /// Its column.
        column: ColumnPath,
        /// The zone it computes in.
        zone: Tz,
    },
}

/// One key of an ORDER BY.
#[derive(Debug, Clone, PartialEq)]
pub struct SortKey {
    /// What to sort by.
    pub key: KeyExpr,
    /// Descending?
    pub descending: bool,
    /// NULLs before everything else?
    pub nulls_first: bool,
}

/// The first `limit` rows in an order.
#[derive(Debug, Clone, PartialEq)]
pub struct TopN {
    /// The order.
    pub keys: Vec<SortKey>,
    /// How many rows.
    pub limit: usize,
}

/// An aggregate whose partial state a source may compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AggregateFunction {
    /// COUNT(*) or COUNT(column)
    Count,
    /// SUM
    Sum,
    /// MIN
    Min,
    /// MAX
    Max,
    /// AVG as (count, sum)
    Avg,
    /// Sample and population variance and standard deviation as (count, mean, m2), m2 the sum of squared deviations
    Variance,
}

/// One aggregate of a partial aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateCall {
    /// The function.
    pub function: AggregateFunction,
    /// Its argument; `None` is `COUNT(*)`.
    pub argument: Option<ColumnPath>,
    /// The type the argument is cast to first, when the query says so.
    pub cast: Option<DataType>,
}

/// A partial aggregation for each split: the state columns are DataFusion's own, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregation {
    /// Grouping keys.
    pub keys: Vec<KeyExpr>,
    /// The aggregates.
    pub calls: Vec<AggregateCall>,
    /// What the scan has to give: the keys, then each call's state columns. A source that can't give just these types
    /// declines, so an engine with other states than a source knows is never served wrong ones.
    pub schema: SchemaRef,
}
