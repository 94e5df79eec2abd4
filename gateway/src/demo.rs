//! The data of the demo's catalog `lake`: a small Hive-layout folder of Parquet files, the same on every run.

use crate::error::{Error, Result};
use chrono::{Days, NaiveDate};
use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::array::{Date32Builder, TimestampMicrosecondArray};
use datafusion::parquet::arrow::ArrowWriter;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

const SEED: u64 = 0x6e61_7275;
const CUSTOMERS: i64 = 1_000;
const DAYS: u64 = 10;
const REQUESTS_A_DAY: usize = 2_000;
const MICROS_A_DAY: u64 = 86_400_000_000;

const FAMILY: [&str; 8] = ["Kim", "Lee", "Park", "Choi", "Jung", "Kang", "Cho", "Yoon"];
const GIVEN: [&str; 8] = ["Minjun", "Seoyeon", "Dohyun", "Jiwoo", "Haeun", "Junseo", "Sua", "Siwoo"];
const GRADES: [&str; 4] = ["BRONZE", "SILVER", "GOLD", "VIP"];
const ORGS: [&str; 5] = ["bank-01", "bank-02", "card-01", "card-02", "pay-01"];
const APIS: [&str; 4] = ["balance", "transfer", "history", "limit"];

/// Writes `mydata.customers` and `mydata.api_request` below `root`.
pub fn write_lake(root: &Path) -> Result<()> {
    let mut random = SplitMix(SEED);
    let customers = root.join("mydata/customers");
    write_file(&customers, &self::customers(&mut random)?)?;
    let requests = root.join("mydata/api_request");
    for day in 0..DAYS {
        let date = first_day().checked_add_days(Days::new(day)).ok_or_else(|| Error::internal("a day out of range"))?;
        write_file(&requests.join(format!("dt={date}")), &api_requests(&mut random, date)?)?;
    }
    let described = "comment = \"Calls of the open API, one row a call\"\n\n[partitions]\ndt = \"date\"\n";
    fs::write(requests.join(".naru.toml"), described).map_err(failed)
}

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default()
}

fn customers(random: &mut SplitMix) -> Result<RecordBatch> {
    let ids: Vec<i64> = (1..=CUSTOMERS).collect();
    let mut births = Date32Builder::new();
    let (mut names, mut ssns, mut phones, mut grades) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in &ids {
        names.push(format!("{} {}", random.one_of(&FAMILY), random.one_of(&GIVEN)));
        // Days since 1970-01-01, from 1950 to 2005.
        let birth = i32::try_from(random.below(20_000)).map_err(Error::internal)? - 7_300;
        births.append_value(birth);
        ssns.push(format!("{:03}-{:02}-{:04}", 1 + random.below(899), 1 + random.below(99), 1 + random.below(9_999)));
        phones.push(format!("010-{:04}-{:04}", random.below(10_000), random.below(10_000)));
        grades.push(random.one_of(&GRADES).to_owned());
    }
    batch(vec![
        ("customer_id", Arc::new(Int64Array::from(ids))),
        ("name", Arc::new(StringArray::from(names))),
        ("ssn", Arc::new(StringArray::from(ssns))),
        ("birth_date", Arc::new(births.finish()) as ArrayRef),
        ("phone", Arc::new(StringArray::from(phones))),
        ("grade", Arc::new(StringArray::from(grades))),
    ])
}

fn api_requests(random: &mut SplitMix, date: NaiveDate) -> Result<RecordBatch> {
    let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
    let mut moments: Vec<u64> = (0..REQUESTS_A_DAY).map(|_| random.below(MICROS_A_DAY)).collect();
    moments.sort_unstable();
    let (mut orgs, mut apis, mut users, mut millis, mut statuses) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in &moments {
        orgs.push(random.one_of(&ORGS));
        apis.push(random.one_of(&APIS));
        users.push(1 + i64::try_from(random.below(CUSTOMERS.unsigned_abs())).map_err(Error::internal)?);
        // Most calls are quick, some are not.
        let slow = if random.below(20) == 0 { 2_000 } else { 100 };
        millis.push(i32::try_from(5 + random.below(slow)).map_err(Error::internal)?);
        statuses.push(if random.below(50) == 0 { "ERROR" } else { "OK" });
    }
    let moments = moments.into_iter().map(|moment| midnight.saturating_add_unsigned(moment));
    batch(vec![
        ("request_at", Arc::new(TimestampMicrosecondArray::from_iter_values(moments))),
        ("org_code", Arc::new(StringArray::from(orgs))),
        ("api_code", Arc::new(StringArray::from(apis))),
        ("user_id", Arc::new(Int64Array::from(users))),
        ("ms", Arc::new(Int32Array::from(millis))),
        ("status", Arc::new(StringArray::from(statuses)) as ArrayRef),
    ])
}

fn batch(columns: Vec<(&'static str, ArrayRef)>) -> Result<RecordBatch> {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, values)| (name, values, true)))
        .map_err(Error::internal)
}

fn write_file(folder: &Path, rows: &RecordBatch) -> Result<()> {
    fs::create_dir_all(folder).map_err(failed)?;
    let file = File::create(folder.join("part-0.parquet")).map_err(failed)?;
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).map_err(Error::internal)?;
    writer.write(rows).map_err(Error::internal)?;
    writer.close().map(drop).map_err(Error::internal)
}

fn failed(error: std::io::Error) -> Error {
    Error::internal(format!("the demo's files can't be written: {error}"))
}

/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014). A crate's generator may change its numbers
/// between versions; documented examples quote these.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.below(words.len() as u64)).unwrap_or(0);
        words.get(at).copied().unwrap_or_default()
    }
}
