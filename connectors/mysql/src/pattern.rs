//! Names that count: `shop_{00..15}` is sixteen names, `a{x,y}` two.

/// All names of a pattern, in order, the last braces counting fastest; `None` when braces don't match or a range is
/// not one.
pub(crate) fn expand(pattern: &str) -> Option<Vec<String>> {
    let Some(open) = pattern.find('{') else {
        return (!pattern.contains('}')).then(|| vec![pattern.to_owned()]);
    };
    let close = open + pattern[open..].find('}')?;
    let (head, inner, tail) = (&pattern[..open], &pattern[open + 1..close], expand(&pattern[close + 1..])?);
    if head.contains('}') {
        return None;
    }
    let choices = choices(inner)?;
    Some(choices.iter().flat_map(|choice| tail.iter().map(move |tail| format!("{head}{choice}{tail}"))).collect())
}

/// What stands between braces: a range, zero-padded as wide as its ends are written, or a list.
fn choices(inner: &str) -> Option<Vec<String>> {
    let Some((first, last)) = inner.split_once("..") else {
        let words: Vec<_> = inner.split(',').map(str::to_owned).collect();
        return words.iter().all(|word| !word.is_empty() && !word.contains('{')).then_some(words);
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return None;
    }
    let (low, high): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    let width = if first.starts_with('0') { first.len() } else { 1 };
    (low <= high && high - low < 100_000).then(|| (low..=high).map(|number| format!("{number:0width$}")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::expand;

    #[test]
    fn ranges_keep_their_width_and_lists_their_order() {
        assert_eq!(expand("plain").unwrap(), ["plain"]);
        assert_eq!(expand("shop_{08..11}").unwrap(), ["shop_08", "shop_09", "shop_10", "shop_11"]);
        assert_eq!(expand("t{9..10}").unwrap(), ["t9", "t10"]);
        assert_eq!(expand("{kr,jp}_{0..1}x").unwrap(), ["kr_0x", "kr_1x", "jp_0x", "jp_1x"]);
    }

    #[test]
    fn what_is_not_a_pattern_is_refused() {
        for wrong in ["a{", "a}", "{}", "{a,}", "{3..1}", "{a..c}", "{{0..1}}", "{0..999999}", "{-1..2}"] {
            assert_eq!(expand(wrong), None, "{wrong}");
        }
    }
}
