//! GetSqlInfo: what the server is and what its SQL can do (FlightSql.proto, enum SqlInfo).

use crate::error::{Error, Result};
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlSupportedCaseSensitivity, SqlSupportedGroupBy, SqlSupportedTransaction,
    SqlSupportedUnions, SupportedSqlGrammar,
};
use std::sync::OnceLock;

/// The version of the Arrow format, which the crates' versions do not follow.
const ARROW_FORMAT: &str = "1.5";
/// PostgreSQL's limit on names, which tools take for their generated ones.
const MOST_NAME_BYTES: i64 = 63;

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
    use SqlInfo as I;
    let mut infos = SqlInfoDataBuilder::new();
    infos.append(I::FlightSqlServerName, "Naru");
    infos.append(I::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    infos.append(I::FlightSqlServerArrowVersion, ARROW_FORMAT);
    infos.append(I::FlightSqlServerReadOnly, true);
    infos.append(I::FlightSqlServerSql, true);
    infos.append(I::FlightSqlServerSubstrait, false);
    infos.append(I::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    infos.append(I::FlightSqlServerCancel, true);
    infos.append(I::FlightSqlServerBulkIngestion, false);
    infos.append(I::FlightSqlServerIngestTransactionsSupported, false);
    infos.append(I::FlightSqlServerStatementTimeout, 0_i32);
    infos.append(I::FlightSqlServerTransactionTimeout, 0_i32);
    // Nothing can be defined.
    infos.append(I::SqlDdlCatalog, false);
    infos.append(I::SqlDdlSchema, false);
    infos.append(I::SqlDdlTable, false);
    // Names: folded to lower case unless quoted.
    let folded = SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i64;
    let exact = SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i64;
    infos.append(I::SqlIdentifierCase, folded);
    infos.append(I::SqlQuotedIdentifierCase, exact);
    infos.append(I::SqlIdentifierQuoteChar, "\"");
    infos.append(I::SqlAllTablesAreSelectable, true);
    // NULL sorts as if larger than any value.
    infos.append(I::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i64);
    infos.append(I::SqlKeywords, &KEYWORDS[..]);
    infos.append(I::SqlSearchStringEscape, "\\");
    infos.append(I::SqlExtraNameCharacters, "");
    infos.append(I::SqlSupportsColumnAliasing, true);
    infos.append(I::SqlNullPlusNullIsNull, true);
    infos.append(I::SqlSupportsTableCorrelationNames, true);
    infos.append(I::SqlSupportsDifferentTableCorrelationNames, false);
    infos.append(I::SqlSupportsExpressionsInOrderBy, true);
    infos.append(I::SqlSupportsOrderByUnrelated, true);
    let beyond = 1_i32 << SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32;
    infos.append(I::SqlSupportedGroupBy, beyond | 1 << SqlSupportedGroupBy::SqlGroupByUnrelated as i32);
    infos.append(I::SqlSupportsLikeEscapeClause, true);
    infos.append(I::SqlSupportsNonNullableColumns, true);
    let grammar = [SupportedSqlGrammar::SqlMinimumGrammar, SupportedSqlGrammar::SqlCoreGrammar];
    infos.append(I::SqlSupportedGrammar, bits(&grammar.map(|grammar| grammar as i32)));
    infos.append(I::SqlSchemaTerm, "schema");
    infos.append(I::SqlProcedureTerm, "procedure");
    infos.append(I::SqlCatalogTerm, "catalog");
    infos.append(I::SqlCatalogAtStart, true);
    infos.append(I::SqlSelectForUpdateSupported, false);
    infos.append(I::SqlStoredProceduresSupported, false);
    infos.append(I::SqlCorrelatedSubqueriesSupported, true);
    let unions = [SqlSupportedUnions::SqlUnion, SqlSupportedUnions::SqlUnionAll];
    infos.append(I::SqlSupportedUnions, bits(&unions.map(|union| union as i32)));
    for limit in [I::SqlMaxColumnNameLength, I::SqlDbSchemaNameLength, I::SqlMaxCatalogNameLength] {
        infos.append(limit, MOST_NAME_BYTES);
    }
    infos.append(I::SqlMaxTableNameLength, MOST_NAME_BYTES);
    infos.append(I::SqlTransactionsSupported, false);
    infos.append(I::SqlBatchUpdatesSupported, false);
    infos.append(I::SqlSavepointsSupported, false);
    infos.build()
}

fn bits(numbers: &[i32]) -> i32 {
    numbers.iter().fold(0, |bits, number| bits | 1 << number)
}

/// Words that need quotes as names and that SQL:2003 does not reserve.
const KEYWORDS: [&str; 14] = [
    "analyze", "explain", "ilike", "limit", "offset", "qualify", "rlike", "semi", "anti", "show", "using", "variadic",
    "verbose", "window",
];
