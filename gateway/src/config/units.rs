//! Durations and sizes with their units, as configuration files write them.

use std::time::Duration;

/// `500ms`, `30s`, `5m`, `1h`, `1d`; a unit is required.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let scale = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(scale).map(Duration::from_millis)
}

/// `4096`, `64KiB`, `16MiB`, `2GiB`, `1TiB`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_exact_and_overflow_is_refused() {
        assert_eq!(bytes("2GiB"), Some(2 << 30));
        assert_eq!(bytes("16 MiB"), Some(16 << 20));
        assert_eq!(duration("5m"), Some(Duration::from_secs(300)));
        for wrong in ["", "GiB", "2GB", "-1KiB", "99999999999TiB"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
        for wrong in ["5", "5min", "1.5h", ""] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
