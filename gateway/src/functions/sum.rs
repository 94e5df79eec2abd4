//! `sum` of whole numbers that fails with 22003 where DataFusion's wraps around. It counts in 128 bits, and what leaves it, states
//! of partial sums too, must fit 64.

use crate::error::{Error, ErrorCode};
use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

const WIDE: DataType = DataType::Decimal128(38, 0);

/// `sum`.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct CheckedSum(Sum);

/// Is this one to be counted in more bits? A sum of distinct numbers keeps DataFusion's way.
fn is_whole(args: &AccumulatorArgs<'_>) -> bool {
    !args.is_distinct && matches!(args.return_field.data_type(), DataType::Int64 | DataType::UInt64)
}

fn wide(args: AccumulatorArgs<'_>, f: impl FnOnce(AccumulatorArgs<'_>) -> Result<Wide>) -> Result<Wide> {
    let field: FieldRef = Arc::new(Field::new(args.return_field.name(), WIDE, true));
    f(AccumulatorArgs { return_field: field, ..args })
}

/// The accumulators that count in [`WIDE`].
enum Wide {
    One(Box<dyn Accumulator>),
    Groups(Box<dyn GroupsAccumulator>),
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.0.return_type(arguments)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.0.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if !is_whole(&args) {
            return self.0.accumulator(args);
        }
        let narrow = args.return_field.data_type().clone();
        one(wide(args, |args| self.0.accumulator(args).map(Wide::One))?, narrow)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if !is_whole(&args) {
            return self.0.create_sliding_accumulator(args);
        }
        let narrow = args.return_field.data_type().clone();
        one(wide(args, |args| self.0.create_sliding_accumulator(args).map(Wide::One))?, narrow)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.0.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        if !is_whole(&args) {
            return self.0.create_groups_accumulator(args);
        }
        let narrow = args.return_field.data_type().clone();
        match wide(args, |args| self.0.create_groups_accumulator(args).map(Wide::Groups))? {
            Wide::Groups(inner) => Ok(Box::new(Groups { inner, narrow })),
            Wide::One(_) => Err(Error::internal("sum has accumulators of the wrong kind").into()),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.0.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.0.order_sensitivity()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.0.set_monotonicity(data_type)
    }
}

fn one(inner: Wide, narrow: DataType) -> Result<Box<dyn Accumulator>> {
    match inner {
        Wide::One(inner) => Ok(Box::new(One { inner, narrow })),
        Wide::Groups(_) => Err(Error::internal("sum has accumulators of the wrong kind").into()),
    }
}

fn widened(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    values.iter().map(|values| Ok(cast(values, &WIDE)?)).collect()
}

fn narrowed(values: &ArrayRef, narrow: &DataType) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(values, narrow, &strict).map_err(|_| out_of_range().into())
}

fn narrowed_value(value: &ScalarValue, narrow: &DataType) -> Result<ScalarValue> {
    ScalarValue::try_from_array(&narrowed(&value.to_array()?, narrow)?, 0)
}

fn out_of_range() -> Error {
    Error::new(ErrorCode::NumericOutOfRange, "bigint out of range")
}

#[derive(Debug)]
struct One {
    inner: Box<dyn Accumulator>,
    narrow: DataType,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&widened(values)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        narrowed_value(&self.inner.evaluate()?, &self.narrow)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    // The first state is the sum; a sliding one counts its rows besides.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut states = self.inner.state()?;
        if let Some(sum) = states.first_mut() {
            *sum = narrowed_value(sum, &self.narrow)?;
        }
        Ok(states)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(&widened(states)?)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&widened(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

struct Groups {
    inner: Box<dyn GroupsAccumulator>,
    narrow: DataType,
}

impl Groups {
    fn narrowed_all(&self, states: Vec<ArrayRef>) -> Result<Vec<ArrayRef>> {
        states.iter().map(|state| narrowed(state, &self.narrow)).collect()
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner.update_batch(&widened(values)?, groups, filter, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        narrowed(&self.inner.evaluate(emit_to)?, &self.narrow)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let states = self.inner.state(emit_to)?;
        self.narrowed_all(states)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(&widened(states)?, groups, total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.narrowed_all(self.inner.convert_to_state(&widened(values)?, filter)?)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
