//! What a client keeps on its connection: prepared statements and portals, by name, the empty name being the unnamed one.

use super::backend::Released;
use super::rows::Rows;
use super::types::Format;
use crate::error::{Error, ErrorCode, Result};
use crate::session::api::{Described, Parsed};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use std::collections::HashMap;
use std::sync::Arc;

/// A statement of Parse.
pub(super) struct Prepared {
    pub(super) parsed: Parsed,
    pub(super) described: Described,
    /// The OIDs of its parameters: the client's where it gave one.
    pub(super) parameter_oids: Vec<u32>,
}

/// A statement of Bind.
pub(super) struct Portal {
    pub(super) prepared: Arc<Prepared>,
    /// The columns it gives; `None` for no rows.
    pub(super) schema: Option<SchemaRef>,
    /// One a column.
    pub(super) formats: Vec<Format>,
    pub(super) state: State,
}

/// How far a portal came.
pub(super) enum State {
    /// It did not run yet.
    Bound(Vec<ScalarValue>),
    /// It runs, or waits to be asked for more.
    Running { rows: Box<Rows>, verb: &'static str, counted: bool },
    /// All its rows were sent.
    Finished { verb: &'static str, counted: bool },
    /// It did what it had to; it has no rows.
    Done,
}

/// The named objects of one connection.
pub(super) struct Objects {
    statements: HashMap<String, Arc<Prepared>>,
    portals: HashMap<String, Portal>,
    /// The most of each.
    limit: usize,
}

impl Objects {
    pub(super) fn new(limit: usize) -> Self {
        Self { statements: HashMap::new(), portals: HashMap::new(), limit: limit.max(1) }
    }

    /// May a statement of this name be made? Replaces the unnamed one.
    pub(super) fn admit_statement(&mut self, name: &str) -> Result<()> {
        if name.is_empty() {
            self.statements.remove(name);
        } else if self.statements.contains_key(name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(Error::new(ErrorCode::DuplicatePreparedStatement, message));
        }
        self.admit(self.statements.len(), "prepared statements")
    }

    /// May a portal of this name be made? Replaces the unnamed one.
    pub(super) fn admit_portal(&mut self, name: &str) -> Result<()> {
        if name.is_empty() {
            self.portals.remove(name);
        } else if self.portals.contains_key(name) {
            return Err(Error::new(ErrorCode::DuplicateCursor, format!("cursor \"{name}\" already exists")));
        }
        self.admit(self.portals.len(), "portals")
    }

    fn admit(&self, count: usize, what: &str) -> Result<()> {
        if count < self.limit {
            return Ok(());
        }
        let message = format!("this connection has {count} {what}, which is the most it may have");
        Err(Error::new(ErrorCode::TooManyQueries, message).with_hint("close those that are no longer needed"))
    }

    pub(super) fn put_statement(&mut self, name: String, prepared: Prepared) {
        self.statements.insert(name, Arc::new(prepared));
    }

    pub(super) fn put_portal(&mut self, name: String, portal: Portal) {
        self.portals.insert(name, portal);
    }

    pub(super) fn statement(&self, name: &str) -> Result<Arc<Prepared>> {
        self.statements.get(name).cloned().ok_or_else(|| {
            let message = if name.is_empty() {
                "unnamed prepared statement does not exist".to_owned()
            } else {
                format!("prepared statement \"{name}\" does not exist")
            };
            Error::new(ErrorCode::UndefinedPreparedStatement, message)
        })
    }

    pub(super) fn portal(&self, name: &str) -> Result<&Portal> {
        self.portals.get(name).ok_or_else(|| no_portal(name))
    }

    /// Takes a portal out, to run it.
    pub(super) fn take_portal(&mut self, name: &str) -> Result<Portal> {
        self.portals.remove(name).ok_or_else(|| no_portal(name))
    }

    /// Forgets a statement; no error when there is none. Portals made of it live on.
    pub(super) fn close_statement(&mut self, name: &str) {
        self.statements.remove(name);
    }

    /// Forgets a portal and stops its query; no error when there is none.
    pub(super) fn close_portal(&mut self, name: &str) {
        self.portals.remove(name);
    }

    pub(super) fn drop_portals(&mut self) {
        self.portals.clear();
    }

    /// A simple Query does away with the unnamed ones.
    pub(super) fn drop_unnamed(&mut self) {
        self.statements.remove("");
        self.portals.remove("");
    }

    /// What a statement of SQL gave up.
    pub(super) fn release(&mut self, released: &Released) {
        match released {
            Released::Statement(name) => self.close_statement(name),
            Released::AllStatements => self.statements.clear(),
            Released::Portal(name) => self.close_portal(name),
            Released::AllPortals => self.drop_portals(),
        }
    }
}

fn no_portal(name: &str) -> Error {
    Error::new(ErrorCode::UndefinedCursor, format!("portal \"{name}\" does not exist"))
}
