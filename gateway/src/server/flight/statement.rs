//! Statements: what they will give, the ticket for it, and the rows.

use super::auth::Caller;
use super::door::{Door, parse};
use super::encode::encode;
use super::parameters::Bound;
use super::sealed::SealedStatement;
use super::shared::Begun;
use super::status::with_warnings;
use super::wire::{schema_bytes, wire_schema};
use crate::error::{Error, ErrorCode, Result};
use crate::session::Session;
use crate::session::api::{Outcome, Parsed, QueryStream};
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{CommandStatementQuery, ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, Ticket};
use bytes::Bytes;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::scalar::ScalarValue;
use futures::{StreamExt, TryStreamExt, stream};
use prost::Message;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Endpoints of one result. More would cost small results more calls than large ones gain by them.
const MOST_ENDPOINTS: u32 = 4;

/// Messages of a result.
pub(super) type Rows = <super::service::FlightDoor as FlightService>::DoGetStream;

/// A statement as a client names it: text, and parameter rows as an IPC stream.
pub(super) struct Asked {
    pub(super) sql: String,
    pub(super) parameters: Bytes,
}

/// A statement with its values, described for one session.
struct Ready {
    parsed: Parsed,
    /// `None` when the statement gives no rows.
    schema: Option<SchemaRef>,
    /// One execution each.
    rows: Vec<Vec<ScalarValue>>,
    /// Every parameter has a value.
    complete: bool,
}

impl Asked {
    /// A statement of CommandStatementQuery or CommandStatementUpdate.
    pub(super) fn directly(sql: String, transaction: Option<&Bytes>) -> Result<Self> {
        if transaction.is_some_and(|id| !id.is_empty()) {
            return Err(Error::unsupported("a transaction"));
        }
        Ok(Self { sql, parameters: Bytes::new() })
    }

    async fn ready(&self, door: &Door, session: &mut Session) -> Result<Ready> {
        let parsed = parse(&self.sql)?;
        let implied = session.describe(&parsed, &[]).await?;
        let bound = Bound::read(&self.parameters, door.max_parameters)?;
        let rows = bound.values(&implied.parameters)?;
        let complete = bound.columns() == implied.parameters.len();
        let schema = match bound.types_of(&rows) {
            // What a parameter's type is may decide what a column's is.
            Some(types) if complete && types.iter().flatten().ne(&implied.parameters) => {
                session.describe(&parsed, &types).await?.schema
            }
            _ => implied.schema,
        };
        Ok(Ready { parsed, schema: schema.map(|schema| wire_schema(&schema)), rows, complete })
    }

    /// The columns of the result, none for a statement that gives no rows.
    pub(super) async fn schema(&self, door: &Door, caller: &Caller) -> Result<SchemaRef> {
        let mut session = door.session(caller).await?;
        Ok(self.ready(door, &mut session).await?.columns())
    }

    /// The result's description, and the ticket to fetch it. Nothing runs before the ticket is redeemed.
    pub(super) async fn flight_info(
        &self,
        door: &Door,
        caller: &Caller,
        descriptor: FlightDescriptor,
    ) -> Result<FlightInfo> {
        let mut session = door.session(caller).await?;
        let ready = self.ready(door, &mut session).await?;
        ready.check_complete()?;
        let schema = ready.columns();
        let (user, now) = (caller.identity.user(), SystemTime::now());
        let statement = SealedStatement::new(self.sql.clone(), self.parameters.clone()).promising(digest(&schema)?);
        let expires = door.tickets.expiry(now);
        let streams = ready.streams(&session).await;
        if streams > 1 && door.shared.promise(&statement.id, user, expires) {
            let of = |i| endpoint(ticket(door.tickets.seal(user, statement.endpoint(i, streams), now)));
            return info(&schema, (0..streams).map(of).collect(), descriptor);
        }
        let only = endpoint(ticket(door.tickets.seal(user, statement, now)));
        info(&schema, vec![until(only, expires)], descriptor)
    }

    /// Runs a statement that gives no rows.
    pub(super) async fn update(&self, door: &Door, caller: &Caller) -> Result<()> {
        let mut session = door.session(caller).await?;
        let ready = self.ready(door, &mut session).await?;
        ready.check_complete()?;
        if ready.schema.is_some() {
            let text = "this statement gives rows: execute it as a query, not as an update";
            return Err(Error::new(ErrorCode::FeatureNotSupported, text));
        }
        door.run_update(caller, &ready.parsed, ready.rows).await
    }
}

impl Ready {
    fn columns(&self) -> SchemaRef {
        self.schema.clone().unwrap_or_else(|| Arc::new(Schema::empty()))
    }

    /// In how many streams the rows may leave side by side.
    async fn streams(&self, session: &Session) -> u32 {
        let ([values], Some(_)) = (self.rows.as_slice(), &self.schema) else { return 1 };
        // What can't be planned says so, and is audited, when it is run.
        let partitions = session.partitions(&self.parsed, values.clone()).await.unwrap_or(1);
        u32::try_from(partitions).map_or(MOST_ENDPOINTS, |partitions| partitions.clamp(1, MOST_ENDPOINTS))
    }

    fn check_complete(&self) -> Result<()> {
        if self.complete {
            return Ok(());
        }
        Err(Error::new(ErrorCode::UndefinedParameter, "the statement has parameters that no value was bound to"))
    }
}

/// A result's description. One endpoint gives its rows in the order of the statement; several only share rows that have none.
pub(super) fn info(
    schema: &Schema,
    endpoints: Vec<FlightEndpoint>,
    descriptor: FlightDescriptor,
) -> Result<FlightInfo> {
    let ordered = endpoints.len() == 1;
    let schema = schema_bytes(schema)?;
    Ok(FlightInfo { schema, ordered, ..FlightInfo::new().with_endpoints(endpoints).with_descriptor(descriptor) })
}

/// An endpoint on the connection that asked.
pub(super) fn endpoint(ticket: impl Into<Bytes>) -> FlightEndpoint {
    FlightEndpoint::new().with_ticket(Ticket::new(ticket))
}

/// Until when its rows may be asked for, any number of times. An endpoint that does not say may be read once.
pub(super) fn until(mut endpoint: FlightEndpoint, time: SystemTime) -> FlightEndpoint {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    endpoint.expiration_time.get_or_insert_default().seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    endpoint
}

/// The ticket that holds a sealed statement.
pub(super) fn ticket(sealed: Bytes) -> Vec<u8> {
    TicketStatementQuery { statement_handle: sealed }.as_any().encode_to_vec()
}

/// CommandStatementQuery.
pub(super) fn query(command: CommandStatementQuery) -> Result<Asked> {
    Asked::directly(command.query, command.transaction_id.as_ref())
}

/// Redeems a ticket: the statement is bound and planned now, under the policies of now. A ticket that is redeemed twice runs its
/// statement twice; one of several of a result is good for one time.
pub(super) async fn run(door: &Arc<Door>, caller: &Caller, ticket: &[u8]) -> Result<Rows> {
    let ticket = match door.tickets.open(caller.identity.user(), ticket, SystemTime::now()) {
        Ok(ticket) => ticket,
        Err(error) => {
            door.session(caller).await?.audit_ticket("ticket", None, Some(&error))?;
            return Err(error);
        }
    };
    let (schema, rows, notices) = if ticket.is_shared() {
        let endpoint = ticket.endpoint;
        door.shared.find(&ticket.id)?.read(endpoint, begin(door, caller, ticket)).await?
    } else {
        let Begun { schema, rows, run, notices, .. } = begin(door, caller, ticket).await?;
        // The run is over when its rows are.
        let rows = rows.inspect(move |_| {
            let _ = &run;
        });
        (schema, rows.boxed(), notices)
    };
    let warnings = std::iter::once_with(move || with_warnings(&notices.take())).flatten();
    Ok(encode(door, schema, rows)?.chain(stream::iter(warnings.map(Err))).boxed())
}

async fn begin(door: &Arc<Door>, caller: &Caller, ticket: SealedStatement) -> Result<Begun> {
    let mut session = door.session(caller).await?;
    let statement = session.begin_statement(&door.ended);
    let run = door.running.begin(&ticket.id, caller.session, statement.clone())?;
    let asked = Asked { sql: ticket.sql, parameters: ticket.parameters };
    let ready = asked.ready(door, &mut session).await?;
    ready.check_complete()?;
    let schema = ready.columns();
    if digest(&schema)? != ticket.promised {
        let text = "the columns of the statement have changed since it was asked about";
        return Err(Error::new(ErrorCode::DatatypeMismatch, text).with_hint("execute the statement again"));
    }
    let notices = session.notices();
    let rows = if ready.schema.is_none() {
        door.run_update(caller, &ready.parsed, ready.rows).await?;
        stream::empty().boxed()
    } else {
        start(session, ready.parsed, ready.rows).await?
    };
    Ok(Begun { schema, rows, statement, run, notices })
}

/// Executes for each row of values, one after the other; the first at once, so that most errors come before the first row.
async fn start(mut session: Session, parsed: Parsed, rows: Vec<Vec<ScalarValue>>) -> Result<QueryStream> {
    let mut rows = rows.into_iter();
    let Some(values) = rows.next() else { return Ok(stream::empty().boxed()) };
    let first = execute(&mut session, &parsed, values).await?;
    let rest = stream::try_unfold((session, parsed, rows), |(mut session, parsed, mut rows)| async move {
        let Some(values) = rows.next() else { return Ok::<_, Error>(None) };
        let next = execute(&mut session, &parsed, values).await?;
        Ok(Some((next, (session, parsed, rows))))
    });
    Ok(first.chain(rest.try_flatten()).boxed())
}

async fn execute(session: &mut Session, parsed: &Parsed, values: Vec<ScalarValue>) -> Result<QueryStream> {
    match session.execute(parsed, values).await? {
        Outcome::Rows { stream, .. } => Ok(stream),
        Outcome::Done { .. } | Outcome::Empty => {
            Err(Error::internal("a statement described as one with rows gave none"))
        }
    }
}

fn digest(schema: &Schema) -> Result<Vec<u8>> {
    Ok(Sha256::digest(schema_bytes(schema)?).to_vec())
}
