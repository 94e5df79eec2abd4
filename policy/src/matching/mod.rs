//! Does a policy's resource cover what a request asks for? (Ranger section "resource matching")
//!
//! `glob` compares one value, `template` substitutes tokens, `element` is one level, `hierarchy` knows which levels
//! exist, `policy` walks all levels of one policy. Knows nothing of users, access types or decisions.

mod element;
mod glob;
mod hierarchy;
mod policy;
mod template;

pub use element::{ElementMatcher, Requested};
pub use hierarchy::{Hierarchies, Target};
pub use policy::{MatchType, PolicyResourceMatcher};
pub use template::Tokens;
pub(crate) use template::split_expressions;

/// Why a policy's resources can't be matched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatcherError {
    /// Such a policy never matches anything, as in Ranger.
    #[error("its resources ({0}) fit no hierarchy of the service definition, so it never matches")]
    NoHierarchy(String),
    /// Nothing can be said about the resources of such a policy, so its document can't be used.
    #[error("resource {resource:?} needs the matcher {class:?}, which is not supported")]
    UnknownMatcher {
        /// Resource name.
        resource: String,
        /// Java class named by the service definition.
        class: String,
    },
}
