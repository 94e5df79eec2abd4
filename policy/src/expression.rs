//! `${{USER.name}}` inside the SQL of row filters and masks.
//!
//! Ranger pastes values as they are. Here a value never leaves its place: inside `'..'` and `".."` the quote is doubled,
//! elsewhere only a number may stand, and whatever is unclear (comments, dollar quotes, backslashes) is refused, which
//! the caller turns into NULL or no rows.

use std::collections::BTreeMap;

use crate::matching::{Tokens, split_expressions};

/// Fills in the expressions.
///
/// Errors: why it can't be done.
pub(crate) fn fill(sql: &str, tokens: &Tokens<'_>) -> Result<String, String> {
    if sql.contains("[[") && sql.contains("]]") && sql.contains("${{") {
        return Err("[[..]] lists are not supported".to_owned());
    }
    let (parts, rest) = split_expressions(sql);
    if parts.is_empty() {
        return Ok(sql.to_owned());
    }
    if ["--", "/*", "$$", "\\"].iter().any(|unclear| sql.contains(unclear)) {
        return Err("comments, dollar quotes and backslashes can't stand beside ${{..}}".to_owned());
    }
    let (mut out, mut quote) = (String::new(), None);
    for (text, expression) in parts {
        out.push_str(text);
        quote = quote_after(quote, text);
        let value = tokens.expression(expression).ok_or_else(|| format!("${{{{{expression}}}}} can't be evaluated"))?;
        out.push_str(&placed(value, quote, expression)?);
    }
    out.push_str(rest);
    Ok(out)
}

/// What no request can ever fill in, for `policy check`.
pub(crate) fn unsupported(sql: &str) -> Option<String> {
    let nobody = BTreeMap::new();
    let anybody = Tokens { user: Some(""), attributes: Some(&nobody), ..Tokens::default() };
    let (parts, _) = split_expressions(sql);
    let unknown = parts.iter().find(|(_, expression)| anybody.expression(expression).is_none());
    unknown.map(|(_, expression)| format!("${{{{{expression}}}}}, which is not supported"))
}

/// Which quote is open after this text. A doubled quote closes and opens again, which comes to the same.
fn quote_after(open: Option<char>, text: &str) -> Option<char> {
    text.chars().fold(open, |open, c| match (open, c) {
        (None, '\'' | '"') => Some(c),
        (Some(quote), c) if c == quote => None,
        _ => open,
    })
}

fn placed(value: &str, quote: Option<char>, expression: &str) -> Result<String, String> {
    let refused = |why: &str| Err(format!("the value of ${{{{{expression}}}}} {why}"));
    if value.contains(['\\', '\0']) {
        return refused("has a backslash or a zero character");
    }
    match quote {
        Some('"') if value.is_empty() => refused("is empty, which is no identifier"),
        Some(quote) => Ok(value.replace(quote, &format!("{quote}{quote}"))),
        None if is_number(value) => Ok(value.to_owned()),
        None => refused("is not a number and stands outside quotes"),
    }
}

fn is_number(value: &str) -> bool {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_where_they_are_put() {
        let attributes =
            BTreeMap::from([("dept".to_owned(), "o'hara".to_owned()), ("level".to_owned(), "3".to_owned())]);
        let tokens = Tokens { user: Some("ann' or 'a'='a"), attributes: Some(&attributes), ..Tokens::default() };
        let filled = |sql: &str| fill(sql, &tokens);
        assert_eq!(filled("dept = '${{USER.dept}}'").as_deref(), Ok("dept = 'o''hara'"));
        assert_eq!(filled("o = '${{USER._name}}'").as_deref(), Ok("o = 'ann'' or ''a''=''a'"));
        assert_eq!(filled("n <= ${{ USER.level }}").as_deref(), Ok("n <= 3"));
        assert_eq!(filled("d = '${{USER.none}}'").as_deref(), Ok("d = ''"));
        assert_eq!(filled("\"${{USER.dept}}\" = 'it''s'").as_deref(), Ok("\"o'hara\" = 'it''s'"));
        assert_eq!(filled("a = array[[1]]").as_deref(), Ok("a = array[[1]]"));
        for refused in [
            "dept = ${{USER.dept}}",
            "${{TAG.x}} = 1",
            "x = 1 -- ${{USER.level}}",
            "x = E'\\${{USER.level}}'",
            "x in ([[${{USER.dept}}]])",
        ] {
            assert!(filled(refused).is_err(), "{refused}");
        }
        assert!(fill("'${{USER.dept}}'", &Tokens { user: Some("ann"), ..Tokens::default() }).is_err(), "no user store");
    }
}
