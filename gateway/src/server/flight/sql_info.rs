//! GetSqlInfo: what the server is and what its SQL can do (FlightSql.proto, enum SqlInfo).
//!
//! Every item is told: the JDBC driver fails with a null pointer on what is left out. Numbers are of the kind that the proto names:
//! ordinals and bitmasks in the union's 32-bit child, limits in its 64-bit one; 0 is "no limit known".

use crate::error::{Error, Result};
use arrow_flight::sql::SqlInfo as I;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity, SqlSupportedGroupBy,
    SqlSupportedResultSetConcurrency, SqlSupportedResultSetType, SqlSupportedSubqueries, SqlSupportedTransaction,
    SqlSupportedUnions, SqlTransactionIsolationLevel, SupportedSqlGrammar,
};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// All there is to know; a request takes its part.
pub(super) fn infos() -> Result<&'static SqlInfoData> {
    static INFOS: OnceLock<SqlInfoData> = OnceLock::new();
    if let Some(infos) = INFOS.get() {
        return Ok(infos);
    }
    let built = build().map_err(Error::internal)?;
    Ok(INFOS.get_or_init(|| built))
}

fn build() -> arrow_flight::error::Result<SqlInfoData> {
    let mut infos = SqlInfoDataBuilder::new();
    TEXTS.iter().for_each(|(item, text)| infos.append(*item, *text));
    FLAGS.iter().for_each(|(item, flag)| infos.append(*item, *flag));
    CODES.iter().for_each(|(item, code)| infos.append(*item, *code));
    LIMITS.iter().for_each(|(item, limit)| infos.append(*item, *limit));
    LISTS.iter().for_each(|(item, list)| infos.append(*item, *list));
    // CONVERT of ODBC and JDBC is not read.
    infos.append(I::SqlSupportsConvert, BTreeMap::new());
    infos.build()
}

const TEXTS: &[(I, &str)] = &[
    (I::FlightSqlServerName, "Naru"),
    (I::FlightSqlServerVersion, env!("CARGO_PKG_VERSION")),
    // The version of the Arrow format, which the crates' versions do not follow.
    (I::FlightSqlServerArrowVersion, "1.5"),
    (I::SqlIdentifierQuoteChar, "\""),
    (I::SqlSearchStringEscape, "\\"),
    (I::SqlExtraNameCharacters, ""),
    (I::SqlSchemaTerm, "schema"),
    (I::SqlProcedureTerm, "procedure"),
    (I::SqlCatalogTerm, "catalog"),
];

const FLAGS: &[(I, bool)] = &[
    (I::FlightSqlServerReadOnly, true),
    (I::FlightSqlServerSql, true),
    (I::FlightSqlServerSubstrait, false),
    (I::FlightSqlServerCancel, true),
    (I::FlightSqlServerBulkIngestion, false),
    (I::FlightSqlServerIngestTransactionsSupported, false),
    (I::SqlDdlCatalog, false),
    (I::SqlDdlSchema, false),
    (I::SqlDdlTable, false),
    // What can't be selected is not listed.
    (I::SqlAllTablesAreSelectable, true),
    (I::SqlSupportsColumnAliasing, true),
    (I::SqlNullPlusNullIsNull, true),
    (I::SqlSupportsTableCorrelationNames, true),
    (I::SqlSupportsDifferentTableCorrelationNames, false),
    (I::SqlSupportsExpressionsInOrderBy, true),
    (I::SqlSupportsOrderByUnrelated, true),
    (I::SqlSupportsLikeEscapeClause, true),
    (I::SqlSupportsNonNullableColumns, true),
    (I::SqlSupportsIntegrityEnhancementFacility, false),
    (I::SqlCatalogAtStart, true),
    (I::SqlSelectForUpdateSupported, false),
    (I::SqlStoredProceduresSupported, false),
    (I::SqlCorrelatedSubqueriesSupported, true),
    (I::SqlMaxRowSizeIncludesBlobs, true),
    (I::SqlTransactionsSupported, false),
    (I::SqlDataDefinitionCausesTransactionCommit, false),
    (I::SqlDataDefinitionsInTransactionsIgnored, false),
    (I::SqlBatchUpdatesSupported, false),
    (I::SqlSavepointsSupported, false),
    (I::SqlNamedParametersSupported, false),
    (I::SqlLocatorsUpdateCopy, false),
    (I::SqlStoredFunctionsUsingCallSyntaxSupported, false),
];

/// Ordinals, and sets of them as bits.
const CODES: &[(I, i32)] = &[
    (I::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32),
    (I::FlightSqlServerStatementTimeout, 0),
    (I::FlightSqlServerTransactionTimeout, 0),
    // Names are folded to lower case, quoted ones are taken as they are.
    (I::SqlIdentifierCase, SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32),
    (I::SqlQuotedIdentifierCase, SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32),
    // NULL sorts as if larger than any value.
    (I::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32),
    (
        I::SqlSupportedGroupBy,
        bits(&[SqlSupportedGroupBy::SqlGroupByUnrelated as i32, SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32]),
    ),
    (
        I::SqlSupportedGrammar,
        bits(&[SupportedSqlGrammar::SqlMinimumGrammar as i32, SupportedSqlGrammar::SqlCoreGrammar as i32]),
    ),
    // ANSI92_ENTRY_SQL
    (I::SqlAnsi92SupportedLevel, bits(&[0])),
    (I::SqlOuterJoinsSupportLevel, SqlOuterJoinsSupportLevel::SqlFullOuterJoins as i32),
    (I::SqlSchemasSupportedActions, bits(&[])),
    (I::SqlCatalogsSupportedActions, bits(&[])),
    (I::SqlSupportedPositionedCommands, bits(&[])),
    (
        I::SqlSupportedSubqueries,
        bits(&[
            SqlSupportedSubqueries::SqlSubqueriesInComparisons as i32,
            SqlSupportedSubqueries::SqlSubqueriesInExists as i32,
            SqlSupportedSubqueries::SqlSubqueriesInIns as i32,
        ]),
    ),
    (I::SqlSupportedUnions, bits(&[SqlSupportedUnions::SqlUnion as i32, SqlSupportedUnions::SqlUnionAll as i32])),
    (I::SqlSupportedTransactionsIsolationLevels, bits(&[SqlTransactionIsolationLevel::SqlTransactionNone as i32])),
    (I::SqlSupportedResultSetTypes, bits(&[SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32])),
    (I::SqlSupportedConcurrenciesForResultSetUnspecified, bits(&[])),
    (
        I::SqlSupportedConcurrenciesForResultSetForwardOnly,
        bits(&[SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly as i32]),
    ),
    (I::SqlSupportedConcurrenciesForResultSetScrollSensitive, bits(&[])),
    (I::SqlSupportedConcurrenciesForResultSetScrollInsensitive, bits(&[])),
];

/// PostgreSQL's limit on names, which tools take for their generated ones.
const MOST_NAME_BYTES: i64 = 63;

const LIMITS: &[(I, i64)] = &[
    (I::SqlMaxBinaryLiteralLength, 0),
    (I::SqlMaxCharLiteralLength, 0),
    (I::SqlMaxColumnNameLength, MOST_NAME_BYTES),
    (I::SqlMaxColumnsInGroupBy, 0),
    (I::SqlMaxColumnsInIndex, 0),
    (I::SqlMaxColumnsInOrderBy, 0),
    (I::SqlMaxColumnsInSelect, 0),
    (I::SqlMaxColumnsInTable, 0),
    (I::SqlMaxConnections, 0),
    (I::SqlMaxCursorNameLength, MOST_NAME_BYTES),
    (I::SqlMaxIndexLength, 0),
    (I::SqlDbSchemaNameLength, MOST_NAME_BYTES),
    (I::SqlMaxProcedureNameLength, 0),
    (I::SqlMaxCatalogNameLength, MOST_NAME_BYTES),
    (I::SqlMaxRowSize, 0),
    (I::SqlMaxStatementLength, 0),
    (I::SqlMaxStatements, 0),
    (I::SqlMaxTableNameLength, MOST_NAME_BYTES),
    (I::SqlMaxTablesInSelect, 0),
    (I::SqlMaxUsernameLength, 0),
    // An ordinal, but the JDBC driver reads it from the 64-bit child.
    (I::SqlDefaultTransactionIsolation, SqlTransactionIsolationLevel::SqlTransactionNone as i64),
];

const LISTS: &[(I, &[&str])] = &[
    // Words that need quotes as names and that SQL:2003 does not reserve.
    (
        I::SqlKeywords,
        &[
            "analyze", "anti", "explain", "ilike", "limit", "offset", "qualify", "rlike", "semi", "show", "variadic",
            "verbose",
        ],
    ),
    // Functions in the escape form `{fn ...}`, which is not read.
    (I::SqlNumericFunctions, &[]),
    (I::SqlStringFunctions, &[]),
    (I::SqlSystemFunctions, &[]),
    (I::SqlDatetimeFunctions, &[]),
];

const fn bits(numbers: &[i32]) -> i32 {
    let (mut set, mut i) = (0, 0);
    while i < numbers.len() {
        set |= 1 << numbers[i];
        i += 1;
    }
    set
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn nothing_between_the_first_and_the_last_item_is_left_out() {
        for item in (0..=5).chain([8, 9, 10, 11, 100, 101]).chain(500..=576) {
            assert_eq!(infos().unwrap().record_batch([item]).unwrap().num_rows(), 1, "item {item}");
        }
        assert_eq!(infos().unwrap().record_batch([577]).unwrap().num_rows(), 0);
    }
}
