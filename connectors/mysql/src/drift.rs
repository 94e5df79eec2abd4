//! One table's columns out of those of its shards.

use crate::metadata::{PhysicalColumn, PhysicalTable};
use naru_connector::{ConnectorError, ErrorKind, Result};

/// A column of the logical table.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    pub(crate) column: PhysicalColumn,
    pub(crate) nullable: bool,
    /// The shard that it was first seen on.
    first: u32,
    /// Shards that lack it: it is NULL there.
    pub(crate) lacking: Vec<u32>,
}

/// The columns that all shards agree on. A type that differs is an error: guessing would give wrong rows. A column that a shard
/// lacks is one too, unless it may be NULL there.
pub(crate) fn merge(name: &str, shards: &[(u32, PhysicalTable)], missing_is_null: bool) -> Result<Vec<Merged>> {
    if shards.is_empty() {
        return Err(ConnectorError::new(ErrorKind::Unavailable, format!("no shard of {name} can be reached")));
    }
    let differs = |text: String| Err(ConnectorError::new(ErrorKind::ObjectChanged, text));
    let mut merged: Vec<Merged> = Vec::new();
    for (position, (number, table)) in shards.iter().enumerate() {
        let same = |a: &PhysicalColumn, b: &PhysicalColumn| a.name.eq_ignore_ascii_case(&b.name);
        for column in &table.columns {
            match merged.iter_mut().find(|known| same(&known.column, column)) {
                Some(known) if known.column.source == column.source => known.nullable |= column.nullable,
                Some(Merged { column, first, .. }) => {
                    let column = &column.name;
                    return differs(format!(
                        "column \"{column}\" of {name} differs between its shards {first} and {number}"
                    ));
                }
                None => {
                    let lacking = shards[..position].iter().map(|(number, _)| *number).collect();
                    merged.push(Merged { column: column.clone(), nullable: column.nullable, first: *number, lacking });
                }
            }
        }
        for known in &mut merged {
            if !table.columns.iter().any(|column| same(&known.column, column)) {
                known.lacking.push(*number);
            }
        }
    }
    for known in &mut merged {
        let Some(lacks) = known.lacking.first() else { continue };
        if !missing_is_null {
            let (column, has) = (&known.column.name, known.first);
            return differs(format!("shard {lacks} of {name} lacks column \"{column}\", which shard {has} has"));
        }
        known.nullable = true;
    }
    Ok(merged)
}
