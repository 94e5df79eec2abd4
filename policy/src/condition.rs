//! Conditions of policies and items. Those that can't be evaluated here are `Unknown`, never silently true as in Ranger.

use std::net::IpAddr;

use chrono::{NaiveTime, Timelike};
use chrono_tz::Tz;
use regex::Regex;

use crate::model::{PolicyCondition, ServiceDef};
use crate::request::Request;
use crate::truth::Truth;

/// One compiled condition.
#[derive(Debug, Clone, PartialEq)]
enum Condition {
    /// Always holds: no values to compare with.
    Always,
    /// The client's address is one of these, or starts with one of these.
    ClientIp { exact: Vec<String>, prefixes: Vec<String> },
    /// The local time lies in one of these, both ends included; an end before the start wraps over midnight.
    TimeOfDay(Vec<(NaiveTime, NaiveTime)>),
    /// Can't be evaluated.
    Unsupported,
}

/// The conditions of a policy or an item: all must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions(Vec<Condition>);

impl Conditions {
    /// Compiles; `report` hears what can't be evaluated.
    pub(crate) fn new(def: &ServiceDef, conditions: &[PolicyCondition], mut report: impl FnMut(String)) -> Self {
        let compiled = conditions.iter().map(|condition| {
            compile(def, condition).unwrap_or_else(|why| {
                report(format!("condition {:?} {why}", condition.condition_type));
                Condition::Unsupported
            })
        });
        Self(compiled.collect())
    }

    /// Do they ask for the time?
    pub(crate) fn depend_on_time(&self) -> bool {
        self.0.iter().any(|condition| matches!(condition, Condition::TimeOfDay(_)))
    }

    /// `zone` is the server's time zone.
    pub(crate) fn hold(&self, request: &Request, zone: Tz) -> Truth {
        self.0.iter().fold(Truth::Yes, |truth, condition| truth.and(condition.holds(request, zone)))
    }
}

impl Condition {
    fn holds(&self, request: &Request, zone: Tz) -> Truth {
        match self {
            Self::Always => Truth::Yes,
            Self::Unsupported => Truth::Unknown,
            // Ranger lets a request without an address pass; here it can't be told.
            Self::ClientIp { exact, prefixes } => request.client_ip.map_or(Truth::Unknown, |ip| {
                let ip = ip.to_canonical().to_string();
                Truth::from(exact.contains(&ip) || prefixes.iter().any(|prefix| ip.starts_with(prefix.as_str())))
            }),
            Self::TimeOfDay(ranges) => {
                let local = request.access_time.with_timezone(&zone).time();
                let minute = NaiveTime::from_hms_opt(local.hour(), local.minute(), 0).unwrap_or(local);
                Truth::from(ranges.iter().any(|(start, end)| {
                    if start <= end { *start <= minute && minute <= *end } else { minute >= *start || minute <= *end }
                }))
            }
        }
    }
}

fn compile(def: &ServiceDef, condition: &PolicyCondition) -> Result<Condition, String> {
    let definition = def
        .policy_conditions
        .iter()
        .find(|definition| definition.name == condition.condition_type)
        .ok_or("is not in the service definition")?;
    match definition.evaluator.rsplit('.').next().unwrap_or_default() {
        "RangerIpMatcher" => client_ip(&condition.values),
        "RangerTimeOfDayMatcher" => time_of_day(&condition.values),
        _ => Err(format!("needs {}, which is not supported", definition.evaluator)),
    }
}

/// Exact addresses, or prefixes written with a trailing `.*` or `:*`; `*` or nothing is any address.
fn client_ip(values: &[String]) -> Result<Condition, String> {
    let (mut exact, mut prefixes) = (Vec::new(), Vec::new());
    for value in values.iter().map(|value| value.trim()) {
        if value == "*" {
            return Ok(Condition::Always);
        }
        match value.strip_suffix('*') {
            Some(prefix) if prefix.ends_with(['.', ':']) => prefixes.push(prefix.to_lowercase()),
            _ => match value.parse::<IpAddr>() {
                Ok(ip) => exact.push(ip.to_canonical().to_string()),
                Err(_) => return Err(format!("has {value:?}, which is no address")),
            },
        }
    }
    Ok(if values.is_empty() { Condition::Always } else { Condition::ClientIp { exact, prefixes } })
}

/// `9am-5pm`, `21:30-6`.
fn time_of_day(values: &[String]) -> Result<Condition, String> {
    let time = r"(\d{1,2})(?::(\d{1,2}))?\s*(?:([ap])\.?m?\.?)?";
    let pattern = Regex::new(&format!(r"^\s*{time}\s*-\s*{time}\s*$")).map_err(|e| e.to_string())?;
    let parse = |value: &String| {
        let lower = value.to_lowercase();
        let found = pattern.captures(&lower)?;
        let part = |number: usize| found.get(number).map(|part| part.as_str());
        Some((clock(part(1)?, part(2), part(3))?, clock(part(4)?, part(5), part(6))?))
    };
    let ranges = values
        .iter()
        .map(|value| parse(value).ok_or_else(|| format!("has {value:?}, which is no time range")))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(if ranges.is_empty() { Condition::Always } else { Condition::TimeOfDay(ranges) })
}

fn clock(hour: &str, minute: Option<&str>, half: Option<&str>) -> Option<NaiveTime> {
    let hour: u32 = hour.parse().ok()?;
    let minute: u32 = minute.map_or(Some(0), |minute| minute.parse().ok())?;
    let hour = match half {
        None => hour,
        Some(_) if hour == 0 || hour > 12 => return None,
        Some("p") => hour % 12 + 12,
        Some(_) => hour % 12,
    };
    NaiveTime::from_hms_opt(hour, minute, 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop at the line")]

    use chrono::{TimeZone, Utc};

    use super::*;
    use crate::request::Resource;

    fn at(hour: u32, minute: u32) -> Request {
        let time = Utc.with_ymd_and_hms(2026, 3, 1, hour, minute, 59).unwrap();
        Request::new(Resource::new(), "select", "ann", time)
    }

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn times_of_day_include_both_ends_and_wrap_over_midnight() {
        let day = time_of_day(&strings(&["9am-5:30 p.m."])).unwrap();
        let night = time_of_day(&strings(&["22:00-6"])).unwrap();
        for (condition, hour, minute, expected) in [
            (&day, 9, 0, Truth::Yes),
            (&day, 17, 30, Truth::Yes),
            (&day, 17, 31, Truth::No),
            (&day, 8, 59, Truth::No),
            (&night, 23, 0, Truth::Yes),
            (&night, 6, 0, Truth::Yes),
            (&night, 12, 0, Truth::No),
        ] {
            assert_eq!(condition.holds(&at(hour, minute), Tz::UTC), expected, "{condition:?} {hour}:{minute}");
        }
        assert_eq!(day.holds(&at(2, 0), Tz::Asia__Seoul), Truth::Yes, "11:00 in Seoul");
        assert!(time_of_day(&strings(&["noonish"])).is_err());
        assert!(time_of_day(&strings(&["13pm-2pm"])).is_err());
    }

    #[test]
    fn addresses_are_exact_or_prefixes_and_unknown_without_a_client() {
        let condition = client_ip(&strings(&["10.1.2.3", "192.168.*", "fe80:*"])).unwrap();
        let from = |ip: &str| condition.holds(&at(1, 0).client_ip(ip.parse().unwrap()), Tz::UTC);
        assert_eq!(from("10.1.2.3"), Truth::Yes);
        assert_eq!(from("::ffff:10.1.2.3"), Truth::Yes);
        assert_eq!(from("10.1.2.33"), Truth::No);
        assert_eq!(from("192.168.7.7"), Truth::Yes);
        assert_eq!(from("fe80::1"), Truth::Yes);
        assert_eq!(condition.holds(&at(1, 0), Tz::UTC), Truth::Unknown);
        assert!(client_ip(&strings(&["10.1"])).is_err());
    }
}
