//! The actions: prepared statements, cancelling, sessions.

use super::auth::Caller;
use super::door::Door;
use super::prepared;
use super::session_options::{self, SetRequest};
use crate::error::{Error, ErrorCode, Result};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, Any, Command, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use bytes::Bytes;
use prost::Message;
use std::time::SystemTime;

const CREATE_PREPARED: &str = "CreatePreparedStatement";
const CLOSE_PREPARED: &str = "ClosePreparedStatement";
const CANCEL_QUERY: &str = "CancelQuery";
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
const SET_SESSION_OPTIONS: &str = "SetSessionOptions";
const GET_SESSION_OPTIONS: &str = "GetSessionOptions";
const CLOSE_SESSION: &str = "CloseSession";

/// What this door can do, with the messages of each.
const ACTIONS: [(&str, &str); 7] = [
    (CREATE_PREPARED, "ActionCreatePreparedStatementRequest -> ActionCreatePreparedStatementResult"),
    (CLOSE_PREPARED, "ActionClosePreparedStatementRequest -> nothing"),
    (CANCEL_QUERY, "ActionCancelQueryRequest -> ActionCancelQueryResult"),
    (CANCEL_FLIGHT_INFO, "CancelFlightInfoRequest -> CancelFlightInfoResult"),
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
            let status = match cancel(door, caller, &info)? {
                true => CancelStatus::Cancelled,
                false => CancelStatus::NotCancellable,
            };
            Ok(Some(CancelFlightInfoResult { status: status as i32 }.encode_to_vec().into()))
        }
        CANCEL_QUERY => {
            let request: ActionCancelQueryRequest = unpack(&body)?;
            // CANCEL_RESULT_CANCELLED and CANCEL_RESULT_NOT_CANCELLABLE.
            let result = if cancel(door, caller, &decode(&request.info)?)? { 1 } else { 3 };
            Ok(Some(ActionCancelQueryResult { result }.as_any().encode_to_vec().into()))
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

/// Stops what runs of a FlightInfo's tickets, which only their own user can name.
fn cancel(door: &Door, caller: &Caller, info: &FlightInfo) -> Result<bool> {
    let mut stopped = false;
    for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
        let Command::TicketStatementQuery(TicketStatementQuery { statement_handle }) = command(&ticket.ticket)? else {
            continue;
        };
        let ticket = door.tickets.open(caller.identity.user(), &statement_handle, SystemTime::now())?;
        stopped |= door.running.cancel(&ticket.id);
    }
    Ok(stopped)
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
