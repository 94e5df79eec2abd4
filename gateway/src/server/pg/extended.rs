//! Parse, Bind, Describe, Execute, Close (PostgreSQL manual, 55.2.3).

use super::backend::BackendSession;
use super::connection::{Connection, Failure, Stop};
use super::frontend::{Bind, Target, violation};
use super::objects::{Portal, Prepared, State};
use super::respond;
use super::rows::{Rows, Sent};
use super::simple::{check_width, tag};
use super::types::{self, Format, row_description};
use super::{parameter, wire::Wire};
use crate::error::{Error, ErrorCode, Result};
use crate::session::api::{Described, Outcome, TransactionStatus};
use datafusion::arrow::datatypes::{DataType, Schema};
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{BindComplete, CloseComplete, ParseComplete, PortalSuspended};
use pgwire::messages::response::EmptyQueryResponse;

impl<S: BackendSession> Connection<S> {
    pub(super) async fn parse(&mut self, name: String, sql: &str, oids: Vec<u32>) -> Result<(), Failure> {
        self.objects.admit_statement(&name)?;
        let stop = Stop { statement: self.begin(), session: self.session.cancel_token() };
        let mut statements = stop.attend(&mut self.wire, self.session.parse(sql)).await??;
        statements.retain(|parsed| parsed.statement.is_some());
        if statements.len() > 1 {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(Error::new(ErrorCode::SyntaxError, message).into());
        }
        let prepared = match statements.pop() {
            Some(parsed) => {
                let given = oids.iter().map(|&oid| types::parameter_type(oid)).collect::<Result<Vec<_>>>()?;
                let described = stop.attend(&mut self.wire, self.session.describe(&parsed, &given)).await??;
                let (described, parameter_oids) = with_given(described, &oids, given);
                Prepared { parsed, described, parameter_oids }
            }
            None => Prepared {
                parsed: crate::session::api::Parsed { sql: sql.into(), statement: None },
                described: Described { parameters: Vec::new(), schema: None },
                parameter_oids: Vec::new(),
            },
        };
        self.registration.runs(None);
        if !name.is_empty() {
            self.session.prepared(&name, &prepared.parsed, &prepared.described.parameters);
        }
        self.objects.put_statement(name, prepared);
        self.wire.put(&ParseComplete::new());
        Ok(())
    }

    pub(super) fn bind(&mut self, bind: Bind) -> Result<(), Failure> {
        let prepared = self.objects.statement(&bind.statement)?;
        let (given, expected) = (bind.parameters.len(), prepared.parameter_oids.len());
        let formats = parameter_formats(&bind.parameter_formats, given)?;
        if given != expected {
            let message = format!(
                "bind message supplies {given} parameters, but prepared statement \"{}\" requires {expected}",
                bind.statement
            );
            return Err(violation(message).into());
        }
        self.objects.admit_portal(&bind.portal)?;
        let zone = self.session.time_zone();
        let mut parameters = Vec::with_capacity(given);
        let types = prepared.parameter_oids.iter().zip(&prepared.described.parameters);
        for ((value, format), (&oid, data_type)) in bind.parameters.iter().zip(formats).zip(types) {
            parameters.push(parameter::decode(value.as_deref(), format, oid, data_type, zone)?);
        }
        let formats = match &prepared.described.schema {
            Some(schema) => result_formats(&bind.result_formats, schema.fields().len())?,
            None => Vec::new(),
        };
        self.objects.put_portal(bind.portal, Portal { prepared, formats, state: State::Bound(parameters) });
        self.wire.put(&BindComplete::new());
        Ok(())
    }

    pub(super) fn describe(&mut self, target: &Target) -> Result<(), Failure> {
        match target {
            Target::Statement(name) => {
                let prepared = self.objects.statement(name)?;
                self.wire.put(&ParameterDescription::new(prepared.parameter_oids.clone()));
                put_description(&mut self.wire, prepared.described.schema.as_deref(), &[])?;
            }
            Target::Portal(name) => {
                let portal = self.objects.portal(name)?;
                put_description(&mut self.wire, portal.prepared.described.schema.as_deref(), &portal.formats)?;
            }
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, name: &str, max_rows: i32) -> Result<(), Failure> {
        let mut portal = match self.objects.take_portal(name) {
            // It went with its transaction.
            Err(_) if self.session.transaction() == TransactionStatus::Failed => return Err(in_failed_transaction()),
            taken => taken?,
        };
        let most = u64::try_from(max_rows).ok().filter(|&most| most > 0);
        self.advance(&mut portal, name, most).await?;
        self.objects.put_portal(name.to_owned(), portal);
        Ok(())
    }

    async fn advance(&mut self, portal: &mut Portal, name: &str, most: Option<u64>) -> Result<(), Failure> {
        match std::mem::replace(&mut portal.state, State::Done) {
            State::Bound(parameters) => {
                let parsed = &portal.prepared.parsed;
                if parsed.statement.is_none() {
                    self.wire.put(&EmptyQueryResponse::new());
                    portal.state = State::Bound(Vec::new());
                    return Ok(());
                }
                let stop = Stop { statement: self.begin(), session: self.session.cancel_token() };
                let outcome = stop.attend(&mut self.wire, self.session.execute(parsed, parameters)).await??;
                match outcome {
                    Outcome::Rows { schema, stream, verb, counted } => {
                        check_same(portal.prepared.described.schema.as_deref(), &schema)?;
                        let zone = self.session.time_zone();
                        let rows = Box::new(Rows::new(stream, schema, portal.formats.clone(), zone, stop));
                        portal.state = self.send(rows, verb, counted, most).await?;
                    }
                    Outcome::Done { tag } => {
                        self.settle();
                        respond::complete(&mut self.wire, tag);
                    }
                    Outcome::Empty => {
                        self.settle();
                        self.wire.put(&EmptyQueryResponse::new());
                    }
                }
            }
            State::Running { rows, verb, counted } => {
                self.registration.runs(Some(rows.stop().statement.clone()));
                portal.state = self.send(rows, verb, counted, most).await?;
            }
            State::Finished { verb, counted } => {
                respond::complete(&mut self.wire, tag(verb, counted, 0));
                portal.state = State::Finished { verb, counted };
            }
            State::Done => {
                return Err(Error::new(ErrorCode::UndefinedCursor, format!("portal \"{name}\" cannot be run")).into());
            }
        }
        Ok(())
    }

    async fn send(
        &mut self,
        mut rows: Box<Rows>,
        verb: &'static str,
        counted: bool,
        most: Option<u64>,
    ) -> Result<State, Failure> {
        match rows.send(&mut self.wire, most).await? {
            Sent::All(sent) => {
                drop(rows);
                self.settle();
                respond::complete(&mut self.wire, tag(verb, counted, sent));
                Ok(State::Finished { verb, counted })
            }
            Sent::Suspended => {
                self.registration.runs(None);
                self.wire.put(&PortalSuspended::new());
                Ok(State::Running { rows, verb, counted })
            }
        }
    }

    pub(super) fn close(&mut self, target: Target) {
        match target {
            Target::Statement(name) => {
                self.objects.close_statement(&name);
                if !name.is_empty() {
                    self.session.unprepared(&name);
                }
            }
            Target::Portal(name) => self.objects.close_portal(&name),
        }
        self.wire.put(&CloseComplete::new());
    }
}

fn in_failed_transaction() -> Failure {
    let message = "current transaction is aborted, commands ignored until end of transaction block";
    Error::new(ErrorCode::InFailedTransaction, message).into()
}

/// The client's OIDs win over those of the described types; what it declares beyond the parameters that occur stays declared.
fn with_given(mut described: Described, oids: &[u32], given: Vec<Option<DataType>>) -> (Described, Vec<u32>) {
    let mut given = given.into_iter().skip(described.parameters.len());
    described.parameters.extend(given.by_ref().map(|data_type| data_type.unwrap_or(DataType::Utf8)));
    let oid = |(index, data_type): (usize, &DataType)| match oids.get(index) {
        Some(&oid) if oid != 0 && oid != types::UNKNOWN.oid => oid,
        _ => types::of_data_type(data_type).oid(),
    };
    let parameter_oids = described.parameters.iter().enumerate().map(oid).collect();
    (described, parameter_oids)
}

fn put_description(wire: &mut Wire, schema: Option<&Schema>, formats: &[Format]) -> Result<()> {
    match schema {
        Some(schema) => {
            check_width(schema.fields().len())?;
            wire.put(&row_description(schema, formats));
        }
        None => wire.put(&NoData::new()),
    }
    Ok(())
}

/// The client reads the rows by the description it got; other types now would be read wrongly.
fn check_same(described: Option<&Schema>, schema: &Schema) -> Result<()> {
    let same = described.is_some_and(|described| {
        described.fields().len() == schema.fields().len()
            && described
                .fields()
                .iter()
                .zip(schema.fields())
                .all(|(was, is)| types::of_field(was).oid() == types::of_field(is).oid())
    });
    if same {
        Ok(())
    } else {
        Err(Error::new(ErrorCode::FeatureNotSupported, "cached plan must not change result type"))
    }
}

fn format(code: i16) -> Result<Format> {
    match code {
        0 => Ok(Format::Text),
        1 => Ok(Format::Binary),
        other => Err(Error::new(ErrorCode::InvalidParameter, format!("unsupported format code: {other}"))),
    }
}

/// One code for all, one for each, or none for text.
fn spread(codes: &[i16], count: usize) -> Option<Result<Vec<Format>>> {
    match codes {
        [] => Some(Ok(vec![Format::Text; count])),
        [one] => Some(format(*one).map(|one| vec![one; count])),
        each if each.len() == count => Some(each.iter().map(|&code| format(code)).collect()),
        _ => None,
    }
}

fn parameter_formats(codes: &[i16], count: usize) -> Result<Vec<Format>> {
    spread(codes, count).unwrap_or_else(|| {
        Err(violation(format!("bind message has {} parameter formats but {count} parameters", codes.len())))
    })
}

fn result_formats(codes: &[i16], count: usize) -> Result<Vec<Format>> {
    spread(codes, count).unwrap_or_else(|| {
        Err(violation(format!("bind message has {} result formats but query has {count} columns", codes.len())))
    })
}
