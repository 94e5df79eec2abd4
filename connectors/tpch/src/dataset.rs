//! What TPC-H defines: scales by schema name, the eight tables with their schemas, keys and sizes, and a generator of
//! batches for each. Knows `tpchgen`; nothing else in this crate does.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use std::sync::atomic::{AtomicBool, Ordering};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen::text::TextPool;
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

/// The schemas that are listed. Any other whole scale up to [`MAX_SCALE`] is there when named.
pub(crate) const SCHEMAS: [&str; 5] = ["sf1", "sf10", "sf100", "sf1000", "tiny"];

/// The largest scale that can be named.
const MAX_SCALE: u32 = 10_000;

/// Batches of one split, generated as they are asked for.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// A scale factor: 1 is about 1 GB of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale(f64);

impl Scale {
    /// `tiny` is 0.01, `sf<n>` is n; anything else, also `sf01` and `SF1`, is no schema.
    pub(crate) fn from_schema(name: &str) -> Option<Self> {
        if name == "tiny" {
            return Some(Self(0.01));
        }
        let digits = name.strip_prefix("sf")?;
        let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        let scale: u32 = digits.parse().ok().filter(|_| canonical)?;
        (scale <= MAX_SCALE).then(|| Self(scale.into()))
    }

    /// The factor itself.
    pub(crate) fn factor(self) -> f64 {
        self.0
    }
}

/// One of the eight tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dataset {
    Customer,
    LineItem,
    Nation,
    Orders,
    Part,
    PartSupp,
    Region,
    Supplier,
}

impl Dataset {
    /// All tables, sorted by name.
    pub(crate) const ALL: [Self; 8] = [
        Self::Customer,
        Self::LineItem,
        Self::Nation,
        Self::Orders,
        Self::Part,
        Self::PartSupp,
        Self::Region,
        Self::Supplier,
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dataset| dataset.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::LineItem => "lineitem",
            Self::Nation => "nation",
            Self::Orders => "orders",
            Self::Part => "part",
            Self::PartSupp => "partsupp",
            Self::Region => "region",
            Self::Supplier => "supplier",
        }
    }

    /// Columns as TPC-H names them, all NOT NULL; a test holds the generator to that.
    pub(crate) fn schema(self) -> SchemaRef {
        match self {
            Self::Customer => CustomerArrow::schema_ref(),
            Self::LineItem => LineItemArrow::schema_ref(),
            Self::Nation => NationArrow::schema_ref(),
            Self::Orders => OrderArrow::schema_ref(),
            Self::Part => PartArrow::schema_ref(),
            Self::PartSupp => PartSuppArrow::schema_ref(),
            Self::Region => RegionArrow::schema_ref(),
            Self::Supplier => SupplierArrow::schema_ref(),
        }
    }

    /// The primary key, by column position (TPC-H 1.4.2).
    pub(crate) fn primary_key(self) -> Vec<usize> {
        match self {
            Self::LineItem => vec![0, 3],
            Self::PartSupp => vec![0, 1],
            _ => vec![0],
        }
    }

    /// Number of rows; of lineitem about that many, since an order has one to seven items.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "scales are small and positive")]
    pub(crate) fn rows(self, scale: Scale) -> u64 {
        let of_base = |base: f64| (base * scale.0).round() as u64;
        match self {
            Self::Customer => of_base(150_000.0),
            Self::LineItem => of_base(6_001_215.0),
            Self::Nation => 25,
            Self::Orders => of_base(1_500_000.0),
            Self::Part => of_base(200_000.0),
            Self::PartSupp => of_base(800_000.0),
            Self::Region => 5,
            Self::Supplier => of_base(10_000.0),
        }
    }

    /// Into how many parts the rows can be cut: nation and region can't be, of the others no part is empty (partsupp
    /// is cut by part, lineitem by order).
    pub(crate) fn parts(self, scale: Scale, wanted: u32) -> u32 {
        let cut_by = match self {
            Self::Nation | Self::Region => return 1,
            Self::LineItem => Self::Orders,
            Self::PartSupp => Self::Part,
            other => other,
        };
        let most = u32::try_from(cut_by.rows(scale)).unwrap_or(u32::MAX);
        wanted.clamp(1, most.max(1))
    }

    /// The rows of part `part` (from 1) of `part_count`, in the table's order: all parts, one after the other, are the
    /// same rows for every `part_count`.
    pub(crate) fn generate(self, scale: Scale, part: i32, part_count: i32, batch_rows: usize) -> Batches {
        let Scale(scale) = scale;
        macro_rules! batches {
            ($arrow:ident, $generator:ident) => {
                Box::new($arrow::new($generator::new(scale, part, part_count)).with_batch_size(batch_rows))
            };
        }
        match self {
            Self::Customer => batches!(CustomerArrow, CustomerGenerator),
            Self::LineItem => batches!(LineItemArrow, LineItemGenerator),
            Self::Nation => batches!(NationArrow, NationGenerator),
            Self::Orders => batches!(OrderArrow, OrderGenerator),
            Self::Part => batches!(PartArrow, PartGenerator),
            Self::PartSupp => batches!(PartSuppArrow, PartSuppGenerator),
            Self::Region => batches!(RegionArrow, RegionGenerator),
            Self::Supplier => batches!(SupplierArrow, SupplierGenerator),
        }
    }
}

/// Makes the text that comments are cut from, once per process. Takes a second or more and about 300 MB: not for a
/// thread that serves sockets.
pub(crate) fn prepare_text() {
    TextPool::get_or_init_default();
    PREPARED.store(true, Ordering::Release);
}

/// Is that done?
pub(crate) fn text_is_prepared() -> bool {
    PREPARED.load(Ordering::Acquire)
}

static PREPARED: AtomicBool = AtomicBool::new(false);
