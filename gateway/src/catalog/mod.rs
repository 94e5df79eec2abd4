//! What exists: catalogs, the names in them, and how a name becomes a governed table. `resolver` is the only place that hands
//! tables to a plan.

mod information_schema;
mod query_function;
mod registry;
mod resolver;
mod runtime;
mod settings;
mod system;
mod type_text;

pub use registry::{Catalog, Catalogs, DeniedColumns, Snapshot};
pub use resolver::{DescribedTable, Resolver, SearchPath};
pub use settings::CatalogSetting;
pub use system::{SYSTEM_CATALOG, SessionFacts, SystemSchema, SystemTable};
pub(crate) use type_text::pg_type_name;
pub use type_text::type_text;
