//! What becomes of the literals of a statement in its audit record.
//!
//! Literals may be personal data: `where ssn = '...'`. They are replaced in the syntax tree, not in the text: what the parser
//! took for a literal is one, whatever quotes, comments or escapes it was written with.

use datafusion::sql::sqlparser::ast::{Statement, Value, ValueWithSpan, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What becomes of literals.
#[derive(Clone, Default)]
pub enum Literals {
    /// They stay: the text is the client's own.
    #[default]
    Keep,
    /// Each is replaced by a hash under this key: equal literals stay equal, and can't be guessed without the key.
    Hash(Arc<[u8]>),
    /// Each is replaced by `?`.
    Drop,
}

impl fmt::Debug for Literals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Hash(_) => "Hash(***)",
            Self::Drop => "Drop",
        })
    }
}

/// What a record says of a text whose literals can't be told apart, where they must not be kept.
const WITHHELD: &str = "<withheld>";

impl Literals {
    /// A key of this process.
    #[must_use]
    pub fn hash_by_random_key() -> Self {
        Self::Hash(Arc::from(rand::random::<[u8; 32]>()))
    }

    /// The statement's text for its record. `statement` is `None` for what could not be parsed.
    #[must_use]
    pub fn text(&self, sql: &str, statement: Option<&Statement>) -> String {
        match (self, statement) {
            (Self::Keep, _) => sql.to_owned(),
            (_, None) => WITHHELD.to_owned(),
            (_, Some(statement)) => {
                let mut statement = statement.clone();
                let _: ControlFlow<()> = statement.visit(&mut Replace(self));
                without_texts(statement.to_string())
            }
        }
    }

    fn replaced(&self, value: &Value) -> String {
        let Self::Hash(key) = self else { return "?".to_owned() };
        let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(key) else { return "?".to_owned() };
        hash.update(value.to_string().as_bytes());
        let digest = hash.finalize().into_bytes();
        // 64 bits: enough to tell literals apart, and short enough to read.
        format!("#{}", hex::encode(digest.get(..8).unwrap_or_default()))
    }
}

/// The second lock: texts that the syntax tree keeps outside of expressions (`SHOW TABLES LIKE 'x'`) were not replaced.
fn without_texts(sql: String) -> String {
    let text = |token: &Token| {
        !matches!(token, Token::Word(_) | Token::Number(..) | Token::Whitespace(_) | Token::Placeholder(_))
            && token.to_string().contains('\'')
    };
    match Tokenizer::new(&PostgreSqlDialect {}, &sql).tokenize() {
        Ok(tokens) if !tokens.iter().any(text) => sql,
        _ => WITHHELD.to_owned(),
    }
}

struct Replace<'a>(&'a Literals);

impl VisitorMut for Replace<'_> {
    type Break = ();

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<()> {
        if !matches!(value.value, Value::Placeholder(_) | Value::Null | Value::Boolean(_)) {
            value.value = Value::Placeholder(self.0.replaced(&value.value));
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn text(literals: &Literals, sql: &str) -> String {
        let parsed = crate::plan::parse(sql).unwrap().remove(0);
        literals.text(sql, parsed.statement.as_deref())
    }

    #[test]
    fn dropped_literals_leave_the_statement_readable() {
        assert_eq!(
            text(&Literals::Drop, "select 'a''b', 12, $1 from t where x = 1.5 and y is null -- 'secret'"),
            "SELECT ?, ?, $1 FROM t WHERE x = ? AND y IS NULL"
        );
    }

    #[test]
    fn no_form_of_literal_survives() {
        for sql in [
            "select 'secret'",
            "select E'secret'",
            "select $$secret$$",
            "select $x$secret$x$",
            "select U&'secret'",
            "select date 'secret'",
            "select interval 'secret'",
            "select timestamp 'secret'",
            "select 1 where 'a' like 'secret' escape 'e'",
            "select 'secret'::text",
            "select cast('secret' as varchar)",
            "select * from (values ('secret')) v(x)",
            "select substring('secret' from 1 for 2)",
            "select trim('secret' from x) from t",
            "select x from t order by 'secret' limit 5",
            "with a as (select 'secret') select * from a",
            "select array['secret']",
            "select f(a => 'secret')",
            "select case x when 'secret' then 'secret' else 'secret' end from t",
            "set application_name = 'secret'",
            "show tables like 'secret'",
            "execute p('secret')",
            "select x at time zone 'secret' from t",
            "select extract(year from date 'secret')",
            "select string_agg(x, 'secret') within group (order by 'secret') from t",
            "select x'5ec7e7', b'101', 5ec7",
            "explain select 'secret'",
            "prepare p as select 'secret'",
        ] {
            for literals in [Literals::Drop, Literals::Hash(Arc::from(*b"key"))] {
                let shown = text(&literals, sql);
                assert!(!shown.contains("secret") && !shown.contains("5ec7"), "{sql} became {shown}");
            }
        }
    }

    #[test]
    fn equal_literals_have_equal_hashes_under_one_key_only() {
        let key = Literals::Hash(Arc::from(*b"key"));
        let shown = text(&key, "select 'a', 'a', 'b'");
        let hashes: Vec<&str> = shown.trim_start_matches("SELECT ").split(", ").collect();
        assert!(hashes[0] == hashes[1] && hashes[1] != hashes[2], "{shown}");
        assert_ne!(shown, text(&Literals::hash_by_random_key(), "select 'a', 'a', 'b'"));
    }

    #[test]
    fn what_was_not_parsed_is_kept_only_where_literals_are() {
        assert_eq!(Literals::Drop.text("selec 'secret'", None), WITHHELD);
        assert_eq!(Literals::Keep.text("selec 'secret'", None), "selec 'secret'");
    }
}
