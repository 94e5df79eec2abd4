//! Numbers in digits, unsigned: `12.50`.

/// Times ten to so many.
pub(super) fn shifted(digits: &str, by: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let padded = format!("{fraction:0<by$}");
    let (up, rest) = padded.split_at(by);
    let whole = format!("{whole}{up}");
    let whole = whole.trim_start_matches('0');
    format!("{}.{rest}", if whole.is_empty() { "0" } else { whole })
}

/// Rounded half away from zero to so many digits behind the point, which is there only when some are.
pub(super) fn round(digits: &str, scale: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let up = fraction.as_bytes().get(scale).is_some_and(|digit| *digit >= b'5');
    let kept = &fraction[..scale.min(fraction.len())];
    let mut all: Vec<u8> = format!("{whole}{kept:0<scale$}").into_bytes();
    if up {
        let mut at = all.len();
        while at > 0 && all[at - 1] == b'9' {
            all[at - 1] = b'0';
            at -= 1;
        }
        match at.checked_sub(1).and_then(|at| all.get_mut(at)) {
            Some(digit) => *digit += 1,
            None => all.insert(0, b'1'),
        }
    }
    if scale > 0 {
        all.insert(all.len() - scale, b'.');
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// `1.23e+04`
pub(super) fn scientific(digits: &str, scale: usize) -> String {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let first = all.find(|digit| digit != '0');
    let mut exponent = first.map_or(0, |first| whole.len() as i64 - 1 - first as i64);
    let significant = &all[first.unwrap_or(all.len() - 1)..];
    let mut mantissa = round(&format!("{}.{}", &significant[..1], &significant[1..]), scale);
    if mantissa.starts_with("10") {
        exponent += 1;
        mantissa = round(&format!("1.{}", "0".repeat(scale)), scale);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

/// A roman numeral, or signs where there is none.
pub(super) fn roman(negative: bool, digits: &str) -> String {
    const NUMERALS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let number = round(digits, 0).parse::<u32>().ok().filter(|number| !negative && (1..=3999).contains(number));
    let Some(mut rest) = number else { return "#".repeat(15) };
    let mut numeral = String::new();
    for (value, letters) in NUMERALS {
        while rest >= value {
            numeral.push_str(letters);
            rest -= value;
        }
    }
    numeral
}
