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

pub(crate) use information_schema::type_name;
pub use registry::{Catalog, Catalogs, DeniedColumns, Snapshot};
pub use resolver::{DescribedTable, Resolver, SearchPath};
pub use settings::CatalogSetting;
pub use system::{SYSTEM_CATALOG, SessionFacts, SystemSchema, SystemTable};
pub use type_text::type_text;
