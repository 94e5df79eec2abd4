//! The metadata commands and the session's options over Flight SQL.

use crate::flight_client::{FlightWorld, read, rows};
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetExportedKeys, CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo,
    SqlInfo,
};
use datafusion::arrow::array::{Array, BinaryArray};
use datafusion::arrow::datatypes::Schema;
use futures::TryStreamExt;

#[tokio::test(flavor = "multi_thread")]
async fn metadata_holds_what_exists_for_the_caller() {
    let world = FlightWorld::new().await;
    let tables = || CommandGetTables {
        catalog: Some("tpch".to_owned()),
        db_schema_filter_pattern: Some("tiny".to_owned()),
        table_name_filter_pattern: Some("cust%".to_owned()),
        table_types: vec![],
        include_schema: true,
    };
    for (user, acctbal) in [("alice", true), ("bob", false)] {
        let mut client = world.login(user).await;
        let info = client.get_catalogs().await.unwrap();
        assert!(read(&mut client, info).await.unwrap().contains(&vec!["tpch".to_owned()]));
        let info = client.get_tables(tables()).await.unwrap();
        let promised = info.clone().try_decode_schema().unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let mut stream = client.do_get(ticket).await.unwrap();
        let batch = stream.try_next().await.unwrap().unwrap();
        assert_eq!((batch.num_rows(), batch.schema().as_ref()), (1, &promised));
        let framed = batch.column(4).as_any().downcast_ref::<BinaryArray>().unwrap();
        let schema = Schema::try_from(arrow_flight::IpcMessage(framed.value(0).to_vec().into())).unwrap();
        assert_eq!(schema.field_with_name("c_acctbal").is_ok(), acctbal, "{user}");
        assert_eq!(schema.field_with_name("c_phone").unwrap().is_nullable(), user == "bob");
        assert!(!format!("{schema:?}").contains("naru."), "{schema:?}");
    }
    let mut carol = world.login("carol").await;
    for info in [
        carol.get_catalogs().await.unwrap(),
        carol.get_db_schemas(Default::default()).await.unwrap(),
        carol.get_tables(CommandGetTables { include_schema: true, ..Default::default() }).await.unwrap(),
    ] {
        assert!(read(&mut carol, info).await.unwrap().is_empty());
    }
    assert_eq!(rows(&mut carol, "select 1").await.unwrap(), [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_for_metadata_is_recorded() {
    let world = FlightWorld::new().await;
    let mut carol = world.login("carol").await;
    let info = carol.get_catalogs().await.unwrap();
    read(&mut carol, info).await.unwrap();
    let info = carol.get_tables(CommandGetTables::default()).await.unwrap();
    read(&mut carol, info).await.unwrap();
    let records = world.world.audit();
    let record = |record: &serde_json::Value| {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        [text("event"), text("user"), text("door"), text("sql"), text("outcome")]
    };
    let of = |command: &str| ["metadata", "carol", "flightsql", command, "finished"].map(str::to_owned);
    assert_eq!(records.iter().map(record).collect::<Vec<_>>(), [of("CommandGetCatalogs"), of("CommandGetTables")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_lists_are_patterns_but_for_the_catalog() {
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    let schemas = |catalog: &str, pattern: &str| arrow_flight::sql::CommandGetDbSchemas {
        catalog: Some(catalog.to_owned()),
        db_schema_filter_pattern: Some(pattern.to_owned()),
    };
    let info = alice.get_db_schemas(schemas("tpch", "t_ny")).await.unwrap();
    assert_eq!(read(&mut alice, info).await.unwrap(), [["tpch", "tiny"]]);
    let info = alice.get_db_schemas(schemas("tp%", "tiny")).await.unwrap();
    assert!(read(&mut alice, info).await.unwrap().is_empty());
    let views = CommandGetTables {
        catalog: Some("tpch".to_owned()),
        table_types: vec!["VIEW".to_owned()],
        ..CommandGetTables::default()
    };
    let info = alice.get_tables(views).await.unwrap();
    let views = read(&mut alice, info).await.unwrap();
    assert!(!views.is_empty() && views.iter().all(|row| row[1] == "information_schema"), "{views:?}");
    let info = alice.get_table_types().await.unwrap();
    assert_eq!(read(&mut alice, info).await.unwrap(), [["TABLE"], ["VIEW"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_empty_under_their_exact_columns() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    let table = || "customer".to_owned();
    let primary = bob.get_primary_keys(CommandGetPrimaryKeys { table: table(), ..Default::default() }).await.unwrap();
    let exported =
        bob.get_exported_keys(CommandGetExportedKeys { table: table(), ..Default::default() }).await.unwrap();
    let across = bob.get_cross_reference(CommandGetCrossReference::default()).await.unwrap();
    let names =
        |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>().join(" ");
    let of_primary = names(&primary.clone().try_decode_schema().unwrap());
    assert_eq!(of_primary, "catalog_name db_schema_name table_name column_name key_name key_sequence");
    assert_eq!(exported.schema, across.schema);
    for info in [primary, exported, across] {
        assert!(read(&mut bob, info).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_what_it_is_as_far_as_asked() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    let asked = vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerTransaction];
    let info = bob.get_sql_info(asked).await.unwrap();
    let told = read(&mut bob, info).await.unwrap();
    assert_eq!(told, [["0", "{string_value=Naru}"], ["8", "{int32_bitmask=0}"]]);
    let info = bob.get_sql_info(vec![]).await.unwrap();
    assert!(read(&mut bob, info).await.unwrap().len() > 30);
    // XDBC_BIGINT
    let info = bob.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: Some(-5) }).await.unwrap();
    let types = read(&mut bob, info).await.unwrap();
    assert_eq!((types.len(), types[0][0].as_str()), (1, "bigint"));
}
