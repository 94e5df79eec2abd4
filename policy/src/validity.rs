//! When a policy applies (Ranger section "validity schedules"): periods with optional cron-like recurrences.
//!
//! A schedule that Ranger's validator would refuse is never guessed at: it makes the policy's validity `Unknown`.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use crate::model::{Recurrence, RecurrenceSchedule, ValiditySchedule};
use crate::truth::Truth;

const TIME_FORMAT: &str = "%Y/%m/%d %H:%M:%S";

/// Days looked back at most for the last scheduled instant: longer intervals are refused.
const LONGEST_INTERVAL_DAYS: i64 = 3660;

/// The schedules of a policy; none means always.
#[derive(Debug, Clone, Default)]
pub struct Validity {
    schedules: Vec<Option<Schedule>>,
}

#[derive(Debug, Clone)]
struct Schedule {
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    recurrences: Vec<CompiledRecurrence>,
}

#[derive(Debug, Clone)]
struct CompiledRecurrence {
    minute: Field,
    hour: Field,
    day_of_month: Option<Field>,
    day_of_week: Option<Field>,
    month: Field,
    year: Field,
    interval: Duration,
}

/// Inclusive ranges.
#[derive(Debug, Clone)]
struct Field(Vec<(u32, u32)>);

impl Field {
    fn has(&self, value: u32) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&value))
    }
}

impl Validity {
    /// Compiles; `report` hears what is wrong with each invalid schedule.
    pub fn new(schedules: &[ValiditySchedule], mut report: impl FnMut(String)) -> Self {
        let schedules = schedules
            .iter()
            .map(|schedule| Schedule::new(schedule).map_err(|what| report(format!("validity schedule: {what}"))).ok())
            .collect();
        Self { schedules }
    }

    /// Does it say something about time at all?
    pub(crate) fn is_scheduled(&self) -> bool {
        !self.schedules.is_empty()
    }

    /// Does the policy apply at this time? Recurrences are read in `zone`, which is the server's, not the schedule's.
    #[must_use]
    pub fn covers(&self, time: DateTime<Utc>, zone: Tz) -> Truth {
        if self.schedules.is_empty() {
            return Truth::Yes;
        }
        self.schedules.iter().fold(Truth::No, |truth, schedule| {
            truth.or(schedule.as_ref().map_or(Truth::Unknown, |schedule| schedule.covers(time, zone).into()))
        })
    }
}

impl Schedule {
    fn new(schedule: &ValiditySchedule) -> Result<Self, String> {
        let zone = match schedule.time_zone.trim() {
            "" => Tz::GMT,
            name => name.parse().map_err(|_| format!("unknown time zone {name:?}"))?,
        };
        let start = instant(&schedule.start_time, zone)?;
        let end = instant(&schedule.end_time, zone)?;
        if start.is_none() && end.is_none() && schedule.recurrences.is_empty() {
            return Err("is empty".to_owned());
        }
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            return Err("ends before it starts".to_owned());
        }
        let recurrences = schedule.recurrences.iter().map(CompiledRecurrence::new).collect::<Result<_, _>>()?;
        Ok(Self { start, end, recurrences })
    }

    fn covers(&self, time: DateTime<Utc>, zone: Tz) -> bool {
        let local = time.with_timezone(&zone).naive_local();
        self.start.is_none_or(|start| start <= time)
            && self.end.is_none_or(|end| time <= end)
            && (self.recurrences.is_empty() || self.recurrences.iter().any(|recurrence| recurrence.covers(local)))
    }
}

fn instant(text: &str, zone: Tz) -> Result<Option<DateTime<Utc>>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let local = NaiveDateTime::parse_from_str(text, TIME_FORMAT).map_err(|_| format!("unreadable time {text:?}"))?;
    let time = zone.from_local_datetime(&local).earliest().ok_or_else(|| format!("{text} does not exist in {zone}"))?;
    Ok(Some(time.with_timezone(&Utc)))
}

impl CompiledRecurrence {
    fn new(recurrence: &Recurrence) -> Result<Self, String> {
        let schedule = recurrence.schedule.as_ref().ok_or("recurrence without schedule")?;
        let interval = recurrence.interval.as_ref().ok_or("recurrence without interval")?;
        let RecurrenceSchedule { minute, hour, day_of_month, day_of_week, month, year } = schedule;
        let in_range = (0..=LONGEST_INTERVAL_DAYS).contains(&interval.days)
            && (0..24).contains(&interval.hours)
            && (0..60).contains(&interval.minutes);
        let length = Duration::days(interval.days.clamp(0, LONGEST_INTERVAL_DAYS))
            + Duration::hours(interval.hours.clamp(0, 23))
            + Duration::minutes(interval.minutes.clamp(0, 59));
        if !in_range || length.is_zero() {
            return Err("recurrence with an unusable interval".to_owned());
        }
        let needed = |name: &str, text: &str, low, high| {
            field(name, text, low, high)?.ok_or_else(|| format!("recurrence without {name}"))
        };
        let days = (field("dayOfMonth", day_of_month, 1, 31)?, field("dayOfWeek", day_of_week, 1, 7)?);
        if let (None, None) = days {
            return Err("recurrence with neither dayOfMonth nor dayOfWeek".to_owned());
        }
        Ok(Self {
            minute: needed("minute", minute, 0, 59)?,
            hour: needed("hour", hour, 0, 23)?,
            day_of_month: days.0,
            day_of_week: days.1,
            month: needed("month", month, 1, 12)?,
            year: needed("year", year, 2017, 2100)?,
            interval: length,
        })
    }

    /// Is `now` within the interval that began at the last scheduled instant?
    fn covers(&self, now: NaiveDateTime) -> bool {
        let earliest = now - self.interval;
        let mut day = now.date();
        while day >= earliest.date() {
            let latest = if day == now.date() { now.time() } else { NaiveTime::MIN - Duration::seconds(1) };
            if self.on_day(day)
                && let Some(start) = self.last_time(latest)
            {
                return now <= day.and_time(start) + self.interval;
            }
            let Some(previous) = day.pred_opt() else { break };
            day = previous;
        }
        false
    }

    /// Days of the month and of the week are alternatives; Sunday is 1.
    fn on_day(&self, day: NaiveDate) -> bool {
        let in_month = self.day_of_month.as_ref().is_some_and(|field| field.has(day.day()));
        let in_week = self.day_of_week.as_ref().is_some_and(|field| field.has(day.weekday().number_from_sunday()));
        (in_month || in_week)
            && self.month.has(day.month())
            && u32::try_from(day.year()).is_ok_and(|year| self.year.has(year))
    }

    /// The last scheduled time of a day that is not after `latest`.
    fn last_time(&self, latest: NaiveTime) -> Option<NaiveTime> {
        let hours = (0..=latest.hour()).rev().filter(|hour| self.hour.has(*hour));
        hours
            .flat_map(|hour| (0..60).rev().filter(|minute| self.minute.has(*minute)).map(move |minute| (hour, minute)))
            .filter_map(|(hour, minute)| NaiveTime::from_hms_opt(hour, minute, 0))
            .find(|time| *time <= latest)
    }
}

/// `*`, numbers and ranges, comma-separated; blank = the field is not used.
fn field(name: &str, text: &str, low: u32, high: u32) -> Result<Option<Field>, String> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if text.is_empty() {
        return Ok(None);
    }
    let number = |text: &str| {
        let value = text.parse::<u32>().ok().filter(|value| (low..=high).contains(value));
        value.ok_or_else(|| format!("{name} has {text:?}, which is not within {low} to {high}"))
    };
    let mut ranges = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = if part == "*" { (low, high) } else { (number(first)?, number(last)?) };
        if range.0 > range.1 {
            return Err(format!("{name} has the descending range {part:?}"));
        }
        ranges.push(range);
    }
    Ok(Some(Field(ranges)))
}
