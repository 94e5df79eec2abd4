//! The actions: prepared statements, cancelling, sessions.

use super::auth::Caller;
use super::door::Door;
use super::session_options::{self, SetRequest};
use super::statement::{endpoint, ticket, until};
use super::{door, prepared};
use crate::error::{Error, ErrorCode, Result};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, Any, Command, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightEndpoint, FlightInfo,
    RenewFlightEndpointRequest,
};
use bytes::Bytes;
use prost::Message;
use std::collections::HashSet;
use std::time::SystemTime;

const CREATE_PREPARED: &str = "CreatePreparedStatement";
const CLOSE_PREPARED: &str = "ClosePreparedStatement";
const CANCEL_QUERY: &str = "CancelQuery";
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
const RENEW_FLIGHT_ENDPOINT: &str = "RenewFlightEndpoint";
const SET_SESSION_OPTIONS: &str = "SetSessionOptions";
const GET_SESSION_OPTIONS: &str = "GetSessionOptions";
const CLOSE_SESSION: &str = "CloseSession";

/// What this door can do, with the messages of each.
const ACTIONS: [(&str, &str); 8] = [
    (CREATE_PREPARED, "ActionCreatePreparedStatementRequest -> ActionCreatePreparedStatementResult"),
    (CLOSE_PREPARED, "ActionClosePreparedStatementRequest -> nothing"),
    (CANCEL_QUERY, "ActionCancelQueryRequest -> ActionCancelQueryResult"),
    (CANCEL_FLIGHT_INFO, "CancelFlightInfoRequest -> CancelFlightInfoResult"),
    (RENEW_FLIGHT_ENDPOINT, "RenewFlightEndpointRequest -> FlightEndpoint"),
    (SET_SESSION_OPTIONS, "SetSessionOptionsRequest -> SetSessionOptionsResult"),
    (GET_SESSION_OPTIONS, "GetSessionOptionsRequest -> GetSessionOptionsResult"),
    (CLOSE_SESSION, "CloseSessionRequest -> CloseSessionResult"),
];

/// The list of actions.
pub(super) fn list() -> impl Iterator<Item = ActionType> {
    let action = |(name, messages): (&str, &str)| ActionType { r#type: name.into(), description: messages.into() };
    ACTIONS.into_iter().map(action)
}

/// Runs an action; `None` when it has nothing to say.
pub(super) async fn run(door: &Door, caller: &Caller, action: Action) -> Result<Option<Bytes>> {
    let body = action.body;
    match action.r#type.as_str() {
        CREATE_PREPARED => {
            let request: ActionCreatePreparedStatementRequest = unpack(&body)?;
            Ok(Some(prepared::create(door, caller, request).await?.as_any().encode_to_vec().into()))
        }
        CLOSE_PREPARED => {
            let request: ActionClosePreparedStatementRequest = unpack(&body)?;
            prepared::statement(door, caller, &request.prepared_statement_handle).map(|_| None)
        }
        CANCEL_FLIGHT_INFO => {
            let info = decode::<CancelFlightInfoRequest>(&body)?.info.unwrap_or_default();
            let status = match cancel(door, caller, &info).await? {
                true => CancelStatus::Cancelled,
                false => CancelStatus::NotCancellable,
            };
            Ok(Some(CancelFlightInfoResult { status: status as i32 }.encode_to_vec().into()))
        }
        CANCEL_QUERY => {
            let request: ActionCancelQueryRequest = unpack(&body)?;
            // CANCEL_RESULT_CANCELLED and CANCEL_RESULT_NOT_CANCELLABLE.
            let result = if cancel(door, caller, &decode(&request.info)?).await? { 1 } else { 3 };
            Ok(Some(ActionCancelQueryResult { result }.as_any().encode_to_vec().into()))
        }
        RENEW_FLIGHT_ENDPOINT => {
            let endpoint = decode::<RenewFlightEndpointRequest>(&body)?.endpoint.unwrap_or_default();
            Ok(Some(renew(door, caller, &endpoint)?.encode_to_vec().into()))
        }
        SET_SESSION_OPTIONS => {
            let request: SetRequest = decode(&body)?;
            Ok(Some(session_options::set(door, caller, request).await?.encode_to_vec().into()))
        }
        GET_SESSION_OPTIONS => Ok(Some(session_options::get(door, caller).await?.encode_to_vec().into())),
        CLOSE_SESSION => Ok(Some(session_options::close(door, caller)?.encode_to_vec().into())),
        other => Err(Error::unsupported(format!("the action \"{}\"", other.escape_debug()))),
    }
}

/// Stops what runs of a FlightInfo's tickets, which only their own user can name, and makes them worthless: one that was not
/// redeemed yet runs no more.
async fn cancel(door: &Door, caller: &Caller, info: &FlightInfo) -> Result<bool> {
    let mut cancelled = false;
    let mut seen = HashSet::new();
    for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
        let Command::TicketStatementQuery(TicketStatementQuery { statement_handle }) = command(&ticket.ticket)? else {
            continue;
        };
        let ticket = door.tickets.recognise(caller.identity.user(), &statement_handle);
        let session = door.session(caller).await?;
        let ticket = match ticket {
            Ok(ticket) => ticket,
            Err(error) => {
                session.audit_ticket("cancel", None, Some(&error))?;
                return Err(error);
            }
        };
        if seen.insert(ticket.id.clone()) {
            session.audit_ticket("cancel", Some(&door::parse(&ticket.sql)?), None)?;
            // It may have been renewed, so it is not its own expiry that counts.
            cancelled |= door.running.revoke(&ticket.id, door.tickets.expiry(SystemTime::now()));
        }
    }
    Ok(cancelled)
}

/// The endpoint with a ticket that is good for another while. Nothing but time is given: it is bound anew when it is redeemed.
fn renew(door: &Door, caller: &Caller, renewed: &FlightEndpoint) -> Result<FlightEndpoint> {
    let asked = renewed.ticket.as_ref().map_or(Ok(None), |ticket| command(&ticket.ticket).map(Some))?;
    let Some(Command::TicketStatementQuery(TicketStatementQuery { statement_handle })) = asked else {
        return Err(Error::unsupported("renewing an endpoint that does not expire"));
    };
    let (user, now) = (caller.identity.user(), SystemTime::now());
    let statement = door.tickets.open(user, &statement_handle, now)?;
    if statement.is_shared() || door.running.is_revoked(&statement.id) {
        let text = "an endpoint that was cancelled, or is one of several, can't be renewed";
        return Err(Error::new(ErrorCode::FeatureNotSupported, text).with_hint("execute the statement again"));
    }
    Ok(until(endpoint(ticket(door.tickets.seal(user, statement, now))), door.tickets.expiry(now)))
}

/// The Flight SQL message in a descriptor's command, a ticket or an action.
pub(super) fn command(bytes: &[u8]) -> Result<Command> {
    Command::try_from(decode::<Any>(bytes)?).map_err(unreadable)
}

fn unpack<M: ProstMessageExt>(bytes: &[u8]) -> Result<M> {
    decode::<Any>(bytes)?.unpack().map_err(unreadable)?.ok_or_else(|| unreadable("another message than the action's"))
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M> {
    M::decode(bytes).map_err(unreadable)
}

fn unreadable(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::ProtocolViolation, "the call's message can't be read").with_detail(why)
}
