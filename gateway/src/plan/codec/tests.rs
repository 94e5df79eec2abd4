//! What must not become a plan.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::{PURPOSE, PlanCodec};
use crate::catalog::{Catalog, Catalogs};
use crate::govern::{GovernedExec, Stamp};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion_proto::bytes::physical_plan_to_bytes_with_extension_codec;
use naru_auth::SigningKey;
use naru_connector::{Column, ConnectorFactory, Parameters, QueryContext, ScanExec, ScanRequest, TableName};
use std::sync::Arc;

fn stamp(user: &str, version: &str) -> Stamp {
    Stamp { user: user.into(), policy_version: version.into() }
}

fn catalogs() -> Arc<Catalogs> {
    let connector = naru_tpch::TpchFactory.create("tpch", &Parameters::default()).unwrap();
    let tpch = Catalog { name: "tpch".into(), connector, default_schema: "tiny".to_owned() };
    Arc::new(Catalogs::new(vec![tpch], "tpch").unwrap())
}

fn codec(user: &str, version: &str) -> PlanCodec {
    PlanCodec::new(stamp(user, version), catalogs())
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("c", DataType::Utf8, true)]))
}

/// A sealed barrier of bob's.
fn sealed() -> Arc<dyn ExecutionPlan> {
    Arc::new(GovernedExec::for_tests(stamp("bob", "1"), Arc::new(EmptyExec::new(schema())), schema()))
}

#[test]
fn a_plan_comes_back_for_whom_it_was_planned() {
    let (key, codec) = (SigningKey::random(), codec("bob", "1"));
    let bytes = codec.encode(sealed(), &key).unwrap();
    let decoded = codec.decode(&bytes, &key, &TaskContext::default()).unwrap();
    let barrier = decoded.downcast_ref::<GovernedExec>().expect("the barrier");
    assert!(barrier.is_sealed() && barrier.children().is_empty());
    assert_eq!(barrier.stamp(), &stamp("bob", "1"));
}

#[test]
fn a_plan_for_another_user_or_under_other_policies_is_refused() {
    let key = SigningKey::random();
    let bytes = codec("bob", "1").encode(sealed(), &key).unwrap();
    for (user, version) in [("alice", "1"), ("bob", "2")] {
        let refused = codec(user, version).decode(&bytes, &key, &TaskContext::default()).unwrap_err();
        assert!(format!("{refused:?}").contains("another user or under other policies"), "{refused:?}");
        assert!(codec(user, version).encode(sealed(), &key).is_err());
    }
}

#[test]
fn bytes_that_were_changed_or_signed_by_others_are_refused() {
    let (key, codec) = (SigningKey::random(), codec("bob", "1"));
    let bytes = codec.encode(sealed(), &key).unwrap();
    for position in [0, 40, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[position] ^= 1;
        assert!(codec.decode(&changed, &key, &TaskContext::default()).is_err(), "byte {position}");
    }
    let refused = codec.decode(&bytes, &SigningKey::random(), &TaskContext::default()).unwrap_err();
    assert!(format!("{refused:?}").contains("did not sign"), "{refused:?}");
}

#[tokio::test]
async fn a_scan_outside_of_a_barrier_is_refused_even_when_it_is_signed() {
    let catalogs = catalogs();
    let ctx = QueryContext::system(tokio::runtime::Handle::current());
    let table = catalogs.get("tpch").unwrap().connector.table(&ctx, "tiny", "nation").await.unwrap().unwrap();
    let request = ScanRequest { projection: vec![1], ..ScanRequest::default() };
    let scan = table.plan(&ctx, request).await.unwrap();
    let columns: Vec<Column> = vec![table.columns()[1].clone()];
    let name = TableName { schema: "tiny".to_owned(), table: "nation".to_owned() };
    let raw: Arc<dyn ExecutionPlan> =
        Arc::new(ScanExec::new("tpch".into(), name, columns, scan, &datafusion::common::Statistics::default()));
    let (key, codec) = (SigningKey::random(), codec("bob", "1"));
    let refused = codec.encode(Arc::clone(&raw), &key).unwrap_err();
    assert!(format!("{refused:?}").contains("escaped the policy barrier"), "{refused:?}");
    let signed = key.seal(PURPOSE, &physical_plan_to_bytes_with_extension_codec(raw, &codec).unwrap());
    let refused = codec.decode(&signed, &key, &TaskContext::default()).unwrap_err();
    assert!(format!("{refused:?}").contains("escaped the policy barrier"), "{refused:?}");
}
