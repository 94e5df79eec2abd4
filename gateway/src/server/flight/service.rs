//! The gRPC service: finds out who calls and which command it is, and hands both to the command's file.

use super::actions::{self, command};
use super::auth::{Caller, authenticate};
use super::door::Door;
use super::statement::{self, Asked};
use super::status::to_status;
use super::wire::schema_bytes;
use super::{metadata, parameters, prepared};
use crate::error::{Error, Result};
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Command, CommandPreparedStatementQuery, DoPutPreparedStatementResult, DoPutUpdateResult};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, SchemaResult, Ticket,
};
use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, stream};
use prost::Message;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

type Messages<T> = BoxStream<'static, Result<T, Status>>;
type Answer<T> = Result<Response<T>, Status>;

/// The service of one listener.
pub(super) struct FlightDoor(Arc<Door>);

impl FlightDoor {
    pub(super) fn new(door: Arc<Door>) -> Self {
        Self(door)
    }

    async fn flight_info(&self, caller: &Caller, descriptor: FlightDescriptor) -> Result<FlightInfo> {
        match command(&descriptor.cmd)? {
            Command::CommandStatementQuery(query) => {
                statement::query(query)?.flight_info(&self.0, caller, descriptor).await
            }
            Command::CommandPreparedStatementQuery(query) => {
                self.prepared(caller, &query)?.flight_info(&self.0, caller, descriptor).await
            }
            // What a metadata command gives depends on who redeems it: the command itself is the ticket.
            other => {
                let schema = metadata::schema(&other)?;
                statement::info(&schema, vec![statement::endpoint(descriptor.cmd.clone())], descriptor)
            }
        }
    }

    async fn schema(&self, caller: &Caller, descriptor: &FlightDescriptor) -> Result<SchemaResult> {
        let schema = match command(&descriptor.cmd)? {
            Command::CommandStatementQuery(query) => statement::query(query)?.schema(&self.0, caller).await?,
            Command::CommandPreparedStatementQuery(query) => {
                self.prepared(caller, &query)?.schema(&self.0, caller).await?
            }
            other => metadata::schema(&other)?,
        };
        Ok(SchemaResult { schema: schema_bytes(&schema)? })
    }

    async fn rows(&self, caller: &Caller, ticket: &[u8]) -> Result<Messages<FlightData>> {
        match command(ticket)? {
            Command::TicketStatementQuery(ticket) => statement::run(&self.0, caller, &ticket.statement_handle).await,
            other => metadata::rows(&self.0, caller, other).await,
        }
    }

    fn prepared(&self, caller: &Caller, query: &CommandPreparedStatementQuery) -> Result<Asked> {
        prepared::statement(&self.0, caller, &query.prepared_statement_handle)
    }

    /// A DoPut: `messages` begins with the one that held the command.
    async fn put(
        &self,
        caller: &Caller,
        descriptor: FlightDescriptor,
        messages: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
    ) -> Result<Vec<u8>, Status> {
        let updated = || DoPutUpdateResult { record_count: 0 }.encode_to_vec();
        match command(&descriptor.cmd).map_err(|error| to_status(&error))? {
            Command::CommandStatementUpdate(update) => {
                let asked = Asked::directly(update.query, update.transaction_id.as_ref());
                let done = async { asked?.update(&self.0, caller).await }.await;
                done.map(|()| updated()).map_err(|error| to_status(&error))
            }
            Command::CommandPreparedStatementQuery(query) => {
                let values = parameters::receive(messages, self.0.max_parameters).await?;
                let handle = prepared::bind(&self.0, caller, &query.prepared_statement_handle, values).await;
                let prepared_statement_handle = Some(handle.map_err(|error| to_status(&error))?);
                Ok(DoPutPreparedStatementResult { prepared_statement_handle }.encode_to_vec())
            }
            Command::CommandPreparedStatementUpdate(update) => {
                let handle = update.prepared_statement_handle;
                let values = parameters::receive(messages, self.0.max_parameters).await?;
                let done = async {
                    let mut asked = prepared::statement(&self.0, caller, &handle)?;
                    if !values.is_empty() {
                        asked.parameters = values;
                    }
                    asked.update(&self.0, caller).await
                };
                done.await.map(|()| updated()).map_err(|error| to_status(&error))
            }
            Command::CommandStatementIngest(_) => Err(to_status(&Error::new(
                crate::error::ErrorCode::ReadOnly,
                "Naru is read-only: it changes nothing in its sources",
            ))),
            other => Err(to_status(&Error::unsupported(name(&other)))),
        }
    }
}

/// A command as errors call it.
pub(super) fn name(command: &Command) -> String {
    let url = command.type_url();
    url.rsplit('.').next().unwrap_or(url).escape_debug().to_string()
}

#[async_trait]
impl FlightService for FlightDoor {
    type HandshakeStream = Messages<HandshakeResponse>;
    type ListFlightsStream = Messages<FlightInfo>;
    type DoGetStream = Messages<FlightData>;
    type DoPutStream = Messages<PutResult>;
    type DoExchangeStream = Messages<FlightData>;
    type DoActionStream = Messages<arrow_flight::Result>;
    type ListActionsStream = Messages<ActionType>;

    async fn handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Answer<Self::HandshakeStream> {
        // The token goes into the answer's headers; of the messages, which older clients send, nothing is needed.
        let caller = authenticate(&self.0, &request).await?;
        Ok(caller.answer(stream::iter([Ok(HandshakeResponse::default())]).boxed()))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        let caller = authenticate(&self.0, &request).await?;
        let info = self.flight_info(&caller, request.into_inner()).await;
        info.map(|info| caller.answer(info)).map_err(|error| to_status(&error))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        let caller = authenticate(&self.0, &request).await?;
        let schema = self.schema(&caller, request.get_ref()).await;
        schema.map(|schema| caller.answer(schema)).map_err(|error| to_status(&error))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        let caller = authenticate(&self.0, &request).await?;
        let rows = self.rows(&caller, &request.get_ref().ticket).await;
        rows.map(|rows| caller.answer(rows)).map_err(|error| to_status(&error))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        let caller = authenticate(&self.0, &request).await?;
        let mut messages = request.into_inner();
        let first = messages.message().await?.unwrap_or_default();
        let Some(descriptor) = first.flight_descriptor.clone() else {
            return Err(Status::invalid_argument("the first message of a DoPut must hold its command"));
        };
        let messages = stream::iter([Ok(first)]).chain(messages);
        let app_metadata = self.put(&caller, descriptor, messages).await?.into();
        Ok(caller.answer(stream::iter([Ok(PutResult { app_metadata })]).boxed()))
    }

    async fn list_actions(&self, request: Request<Empty>) -> Answer<Self::ListActionsStream> {
        let caller = authenticate(&self.0, &request).await?;
        Ok(caller.answer(stream::iter(actions::list().map(Ok)).boxed()))
    }

    async fn do_action(&self, request: Request<Action>) -> Answer<Self::DoActionStream> {
        let caller = authenticate(&self.0, &request).await?;
        let result = actions::run(&self.0, &caller, request.into_inner()).await;
        let result = result.map_err(|error| to_status(&error))?;
        let results = result.into_iter().map(|body| Ok(arrow_flight::Result { body }));
        Ok(caller.answer(stream::iter(results.collect::<Vec<_>>()).boxed()))
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        self.refuse(&request, "ListFlights").await
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<PollInfo> {
        let caller = authenticate(&self.0, &request).await?;
        let info = self.flight_info(&caller, request.into_inner()).await;
        // Nothing runs before a ticket is redeemed, so there is nothing to wait for.
        let poll = |info| PollInfo { info: Some(info), progress: Some(1.0), ..PollInfo::default() };
        info.map(|info| caller.answer(poll(info))).map_err(|error| to_status(&error))
    }

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoExchangeStream> {
        self.refuse(&request, "DoExchange").await
    }
}

impl FlightDoor {
    /// Only who may call learns what is missing.
    async fn refuse<T, A>(&self, request: &Request<T>, what: &str) -> Answer<A> {
        authenticate(&self.0, request).await?;
        Err(to_status(&Error::unsupported(what)))
    }
}
