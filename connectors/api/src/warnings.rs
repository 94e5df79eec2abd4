//! What a user should know although the query goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Things a source wants the user to know although the query goes on. Clones are one sink; a line is said once.
#[derive(Debug, Clone, Default)]
pub struct Warnings {
    said: Arc<Mutex<Said>>,
    /// Who is told as well.
    to: Option<Arc<Warnings>>,
    /// The object that is all a user may know of.
    sealed: Option<Arc<str>>,
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    incomplete: bool,
}

impl Warnings {
    /// A sink of its own that tells this one, too.
    #[must_use]
    pub fn reporting_to(&self) -> Self {
        Self { to: Some(Arc::new(self.clone())), ..Self::default() }
    }

    /// A sink that tells this one no more than that `object` is concerned: for what happens inside an object of which the user
    /// may not know everything.
    #[must_use]
    pub fn sealed(&self, object: &str) -> Self {
        Self { sealed: Some(object.into()), ..self.reporting_to() }
    }

    /// Adds one line for the user.
    pub fn push(&self, warning: impl Into<String>) {
        self.say(warning.into(), false);
    }

    /// Adds one line for the user, which says that the result lacks rows, and why.
    pub fn push_incomplete(&self, warning: impl Into<String>) {
        self.say(warning.into(), true);
    }

    fn say(&self, warning: String, incomplete: bool) {
        let line = match &self.sealed {
            Some(object) if incomplete => format!("rows of {object} are missing: a part of it can't be reached"),
            Some(object) => format!("something may be wrong with {object}; the server's log has more"),
            None => warning,
        };
        {
            let mut said = self.said();
            said.incomplete |= incomplete;
            if said.lines.contains(&line) {
                return;
            }
            said.lines.push(line.clone());
        }
        if let Some(to) = &self.to {
            to.say(line, incomplete);
        }
    }

    /// Takes all lines said so far.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.said().lines)
    }

    /// All lines said so far and not taken.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.said().lines.clone()
    }

    /// Was it said that rows are missing?
    #[must_use]
    pub fn incomplete(&self) -> bool {
        self.said().incomplete
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_once_to_everyone_who_listens() {
        let session = Warnings::default();
        let statement = session.reporting_to();
        statement.push_incomplete("shard 1 is down");
        statement.clone().push_incomplete("shard 1 is down");
        assert_eq!(session.take(), ["shard 1 is down"]);
        assert!(session.take().is_empty());
        assert_eq!(statement.lines(), ["shard 1 is down"]);
        assert!(statement.incomplete());
    }

    #[test]
    fn a_sealed_sink_names_its_object_and_nothing_else() {
        let statement = Warnings::default();
        let inside = statement.sealed("shop.s.t");
        for shard in 0..3 {
            inside.push_incomplete(format!("shard {shard} is down"));
        }
        assert_eq!(statement.lines(), ["rows of shop.s.t are missing: a part of it can't be reached"]);
        assert!(statement.incomplete());
    }
}
