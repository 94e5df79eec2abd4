//! Policy values that depend on the request: `{USER}`, `{OWNER}`, `{NAME}` from the context, and `${{USER.attribute}}`.
//!
//! Substituted text is always literal: a user named `*` gains nothing. (Ranger lets it act as a wildcard when the
//! written value has one in the middle; that would let user attributes widen a policy.)

use std::collections::BTreeMap;

use super::glob::Symbol;
use crate::request::Request;

/// What may be substituted while one request is evaluated.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tokens<'a> {
    /// The requesting user: `{USER}` and `${{USER._name}}`.
    pub user: Option<&'a str>,
    /// Owner of the requested resource: `{OWNER}`.
    pub owner: Option<&'a str>,
    /// Entries named `token:NAME` are the tokens `{NAME}`.
    pub context: Option<&'a BTreeMap<String, String>>,
    /// The user's attributes; `None` when no user store is known, so that expressions over them are unknown.
    pub attributes: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Tokens<'a> {
    /// The tokens of a request.
    #[must_use]
    pub fn of(request: &'a Request) -> Self {
        Self {
            user: Some(&request.user),
            owner: request.resource.owner(),
            context: Some(&request.context),
            attributes: request.user_attributes.as_ref(),
        }
    }

    fn token(&self, name: &str) -> Option<&'a str> {
        let builtin = match name {
            "USER" => self.user,
            "OWNER" => self.owner,
            _ => None,
        };
        let context = self.context?;
        builtin.or_else(|| context.get(&format!("token:{name}")).map(String::as_str))
    }

    /// The value of a `${{..}}` expression, or `None` when it is not one that can be evaluated here. As in Ranger an
    /// attribute that the user lacks is the empty string.
    pub(crate) fn expression(&self, expression: &str) -> Option<&'a str> {
        let attribute = expression.trim().strip_prefix("USER.")?;
        match attribute {
            "_name" => self.user,
            name if is_identifier(name) => Some(self.attributes?.get(name).map_or("", String::as_str)),
            _ => None,
        }
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Splits text at `${{..}}`; the first of each pair is plain text, the second the expression that follows it.
/// Non-greedy, as in Ranger; an unterminated `${{` is plain text.
pub(crate) fn split_expressions(text: &str) -> (Vec<(&str, &str)>, &str) {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(start) = rest.find("${{") {
        let Some(length) = rest[start + 3..].find("}}") else { break };
        parts.push((&rest[..start], &rest[start + 3..start + 3 + length]));
        rest = &rest[start + 3 + length + 2..];
    }
    (parts, rest)
}

/// How tokens look like; from the matcher options of a resource level.
#[derive(Debug, Clone)]
pub(super) struct TokenSyntax {
    pub(super) start: char,
    pub(super) end: char,
    pub(super) escape: char,
    pub(super) prefix: String,
    pub(super) tokens: bool,
    pub(super) expressions: bool,
    pub(super) wildcards: bool,
}

#[derive(Debug, Clone)]
enum Segment {
    Text(Vec<Symbol>),
    Token { written: String, name: String },
    Expression(String),
}

/// A policy value split into text and what is substituted when a request comes.
#[derive(Debug, Clone)]
pub(super) struct Template {
    segments: Vec<Segment>,
    syntax: TokenSyntax,
}

impl Template {
    pub(super) fn parse(value: &str, syntax: &TokenSyntax) -> Self {
        let mut segments = Vec::new();
        if syntax.expressions {
            let (parts, rest) = split_expressions(value);
            for (text, expression) in parts {
                token_segments(text, syntax, syntax.wildcards, &mut segments);
                segments.push(Segment::Expression(expression.to_owned()));
            }
            token_segments(rest, syntax, syntax.wildcards, &mut segments);
        } else {
            token_segments(value, syntax, syntax.wildcards, &mut segments);
        }
        Self { segments, syntax: syntax.clone() }
    }

    /// Nothing is substituted: the same for every request.
    pub(super) fn is_constant(&self) -> bool {
        self.segments.iter().all(|segment| matches!(segment, Segment::Text(_)))
    }

    /// Expressions in here that no request can ever evaluate.
    pub(super) fn unsupported_expressions(&self) -> impl Iterator<Item = &str> {
        let anybody = BTreeMap::new();
        self.segments.iter().filter_map(move |segment| match segment {
            Segment::Expression(e)
                if Tokens { user: Some(""), attributes: Some(&anybody), ..Tokens::default() }
                    .expression(e)
                    .is_none() =>
            {
                Some(e.as_str())
            }
            _ => None,
        })
    }

    /// The pattern for one request, and whether it is certain: an expression that can't be evaluated could be any text.
    pub(super) fn expand(&self, tokens: &Tokens<'_>) -> (Vec<Symbol>, bool) {
        let (mut out, mut certain) = (Vec::new(), true);
        for segment in &self.segments {
            match segment {
                Segment::Expression(expression) => match tokens.expression(expression) {
                    Some(value) => {
                        // The value of an attribute may itself hold tokens (Ranger resolves expressions first).
                        let mut inner = Vec::new();
                        token_segments(value, &self.syntax, false, &mut inner);
                        inner.iter().for_each(|segment| expand_token(segment, tokens, &mut out));
                    }
                    None => {
                        certain = false;
                        out.push(Symbol::AnyRun);
                    }
                },
                other => expand_token(other, tokens, &mut out),
            }
        }
        (out, certain)
    }
}

fn expand_token(segment: &Segment, tokens: &Tokens<'_>, out: &mut Vec<Symbol>) {
    match segment {
        Segment::Text(symbols) => out.extend_from_slice(symbols),
        // An unknown token stays as it is written.
        Segment::Token { written, name } => {
            out.extend(tokens.token(name).unwrap_or(written).chars().map(Symbol::Char));
        }
        Segment::Expression(_) => {}
    }
}

/// Splits text at its tokens. The escape character counts only before a delimiter or itself, so paths with backslashes
/// stay what they are.
fn token_segments(text: &str, syntax: &TokenSyntax, wildcards: bool, segments: &mut Vec<Segment>) {
    let mut symbols: Vec<Symbol> = Vec::new();
    let symbol = |c: char| match c {
        '*' if wildcards => Symbol::AnyRun,
        '?' if wildcards => Symbol::AnyOne,
        c => Symbol::Char(c),
    };
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if !syntax.tokens {
            symbols.push(symbol(c));
            continue;
        }
        let escaped = rest.clone().next().filter(|next| [syntax.start, syntax.end, syntax.escape].contains(next));
        if let (true, Some(next)) = (c == syntax.escape, escaped) {
            symbols.push(Symbol::Char(next));
            rest.next();
            continue;
        }
        if c == syntax.start
            && let Some((body, _)) = rest.as_str().split_once(syntax.end)
            && let Some(name) = body.strip_prefix(syntax.prefix.as_str())
        {
            segments.push(Segment::Text(std::mem::take(&mut symbols)));
            let written = format!("{}{body}{}", syntax.start, syntax.end);
            segments.push(Segment::Token { written, name: name.to_owned() });
            rest = rest.as_str()[body.len() + syntax.end.len_utf8()..].chars();
            continue;
        }
        symbols.push(symbol(c));
    }
    segments.push(Segment::Text(symbols));
}
