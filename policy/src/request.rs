//! What is asked: who wants to do what with which resource, when and from where.
//!
//! Everything that a decision depends on is in here, the time too, so a decision can be repeated.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};

/// Access type "anything at all on it or below": what lists and SHOW ask. The empty string means the same.
pub const ANY_ACCESS: &str = "_any";
/// Access type of delegated administration.
pub const ADMIN_ACCESS: &str = "_admin";
/// Access type that only super users have.
pub const SUPER_USER_ACCESS: &str = "_super_user";

/// A requested resource: level names with the values asked for. No levels at all means "anything" (SHOW CATALOGS).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    elements: Vec<(String, Vec<String>)>,
    owner: Option<String>,
}

impl Resource {
    /// The resource without any level.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a level: `Resource::new().with("catalog", "hive").with("schema", "sales")`.
    #[must_use]
    pub fn with(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with_values(name, [value.into()])
    }

    /// Adds a level with several values, any of which may match.
    #[must_use]
    pub fn with_values<V: Into<String>>(
        mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let name = name.into();
        let values = values.into_iter().map(Into::into).collect();
        self.elements.retain(|(existing, _)| *existing != name);
        self.elements.push((name, values));
        self
    }

    /// Says who owns the resource, for `{OWNER}`.
    #[must_use]
    pub fn owned_by(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The owner, if known.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// Level names with their values, in the order they were added.
    pub fn elements(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.elements.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.elements.is_empty() {
            return f.write_str("(anything)");
        }
        for (number, (name, values)) in self.elements().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={}", values.join("|"))?;
        }
        Ok(())
    }
}

/// Whether a policy about something below the requested resource counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// Only policies about the resource itself (or all of it).
    #[default]
    Self_,
    /// Also policies about a part of it: what filters of lists ask.
    SelfOrDescendants,
}

/// One question to the engine. Build it with [`Request::new`] and the chained setters.
///
/// ```
/// use naru_policy::{Request, Resource};
///
/// let column = Resource::new().with("catalog", "hive").with("schema", "hr").with("table", "staff").with("column", "ssn");
/// let request = Request::new(column, "select", "ann", chrono::Utc::now()).groups(["analysts"]);
/// assert_eq!(request.user, "ann");
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    /// What is to be accessed.
    pub resource: Resource,
    /// Access type of the service definition, or one of the special ones above.
    pub access_type: String,
    /// When not empty, these are asked instead of `access_type`: of every group one type must be allowed.
    pub access_type_groups: Vec<Vec<String>>,
    /// The user, by the name that policies use.
    pub user: String,
    /// The user's groups; `public` need not be among them.
    pub groups: Vec<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// Name of the operation, for audit.
    pub action: String,
    /// Where the client is, for ip-range conditions.
    pub client_ip: Option<IpAddr>,
    /// The instant the access happens at.
    pub access_time: DateTime<Utc>,
    /// Whether policies about parts of the resource count.
    pub scope: Scope,
    /// Whether a deny on a part of the resource leaves the whole accessible (Ranger's default: yes).
    pub descendant_deny_ignored: bool,
    /// Attributes of the user for `${{USER.name}}`; `None` = no user store, such expressions can't be evaluated.
    pub user_attributes: Option<BTreeMap<String, String>>,
    /// Further values; entries `token:NAME` are the tokens `{NAME}` of policy values.
    pub context: BTreeMap<String, String>,
}

impl Request {
    /// A question by `user`, who has no groups and roles yet.
    #[must_use]
    pub fn new(
        resource: Resource,
        access_type: impl Into<String>,
        user: impl Into<String>,
        access_time: DateTime<Utc>,
    ) -> Self {
        Self {
            resource,
            access_type: access_type.into(),
            access_type_groups: Vec::new(),
            user: user.into(),
            groups: Vec::new(),
            roles: Vec::new(),
            action: String::new(),
            client_ip: None,
            access_time,
            scope: Scope::Self_,
            descendant_deny_ignored: true,
            user_attributes: None,
            context: BTreeMap::new(),
        }
    }

    /// Sets the user's groups.
    #[must_use]
    pub fn groups<S: Into<String>>(mut self, groups: impl IntoIterator<Item = S>) -> Self {
        self.groups = groups.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the user's roles.
    #[must_use]
    pub fn roles<S: Into<String>>(mut self, roles: impl IntoIterator<Item = S>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the name of the operation.
    #[must_use]
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.action = action.into();
        self
    }

    /// Sets the client's address.
    #[must_use]
    pub fn client_ip(mut self, client_ip: IpAddr) -> Self {
        self.client_ip = Some(client_ip);
        self
    }

    /// Sets the scope.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets whether a deny on a part is ignored for the whole.
    #[must_use]
    pub fn descendant_deny_ignored(mut self, ignored: bool) -> Self {
        self.descendant_deny_ignored = ignored;
        self
    }

    /// Asks for several access types at once: one of each group.
    #[must_use]
    pub fn access_type_groups(mut self, groups: Vec<Vec<String>>) -> Self {
        self.access_type_groups = groups;
        self
    }

    /// Sets the user's attributes.
    #[must_use]
    pub fn user_attributes(mut self, attributes: BTreeMap<String, String>) -> Self {
        self.user_attributes = Some(attributes);
        self
    }

    /// Adds a context value.
    #[must_use]
    pub fn context(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.insert(name.into(), value.into());
        self
    }
}
