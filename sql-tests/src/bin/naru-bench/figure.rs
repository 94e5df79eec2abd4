//! What a figure is, and where it goes: a line on the terminal, and one of JSON in `bench/results.jsonl` of cargo's target
//! folder.

use crate::stage::Stage;
use futures::future::LocalBoxFuture;
use naru_sql_tests::{target_folder, workspace};
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::process::Command;
use std::sync::Arc;

/// How a figure is taken.
pub(crate) type Take = fn(Arc<Stage>) -> LocalBoxFuture<'static, Measured>;

/// One figure.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) goal: Goal,
    pub(crate) take: Take,
}

/// When a figure is good enough.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// Ours alone.
    AtMost(f64),
    /// Ours over the rival's.
    RatioAtMost(f64),
    /// Ours over the rival's.
    RatioAtLeast(f64),
    /// The rival's and this much more.
    AtMostAbove(f64),
    /// Taken for comparison.
    Open,
}

/// What was measured, in the figure's unit.
#[derive(Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) ours: f64,
    pub(crate) rival: Option<f64>,
}

impl Measured {
    /// That of several parts together.
    pub(crate) fn sum(parts: &[Self]) -> Self {
        Self { ours: parts.iter().map(|part| part.ours).sum(), rival: parts.iter().map(|part| part.rival).sum() }
    }
}

impl Goal {
    fn number(self) -> Option<f64> {
        match self {
            Self::AtMost(goal) | Self::RatioAtMost(goal) | Self::RatioAtLeast(goal) | Self::AtMostAbove(goal) => {
                Some(goal)
            }
            Self::Open => None,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(goal) => format!("<= {goal}"),
            Self::RatioAtMost(goal) => format!("ratio <= {goal}"),
            Self::RatioAtLeast(goal) => format!("ratio >= {goal}"),
            Self::AtMostAbove(goal) => format!("<= rival + {goal}"),
            Self::Open => "-".to_owned(),
        }
    }

    fn met(self, measured: Measured) -> bool {
        let rival = measured.rival.unwrap_or(f64::NAN);
        match self {
            Self::AtMost(goal) => measured.ours <= goal,
            Self::RatioAtMost(goal) => measured.ours / rival <= goal,
            Self::RatioAtLeast(goal) => measured.ours / rival >= goal,
            Self::AtMostAbove(goal) => measured.ours - rival <= goal,
            Self::Open => true,
        }
    }
}

/// The table, and the file of results.
pub(crate) struct Report {
    file: File,
    commit: String,
    met: bool,
}

impl Report {
    pub(crate) fn new() -> Self {
        let folder = target_folder().join("bench");
        std::fs::create_dir_all(&folder).expect("a folder for the results");
        let file = OpenOptions::new().create(true).append(true).open(folder.join("results.jsonl"));
        let git = Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(workspace()).output();
        let commit = String::from_utf8(git.expect("git can be started").stdout).expect("a commit");
        let report = Self { file: file.expect("results.jsonl"), commit: commit.trim().to_owned(), met: true };
        say(&format!("{:26} {:>12} {:>12} {:>8}   {:16}", "figure", "ours", "rival", "ratio", "goal"));
        report
    }

    /// Adds a figure; `None` could not be taken.
    pub(crate) fn add(&mut self, figure: &Figure, measured: Option<Measured>) {
        let met = measured.is_some_and(|measured| figure.goal.met(measured));
        self.met &= met;
        let ours = measured.map(|measured| measured.ours);
        let rival = measured.and_then(|measured| measured.rival);
        let ratio = ours.zip(rival).map(|(ours, rival)| ours / rival);
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let verdict = match measured {
            None => "FAILED",
            Some(_) if met => "met",
            Some(_) => "NOT MET",
        };
        say(&format!(
            "{:26} {:>12} {:>12} {:>8}   {:16} {verdict}",
            figure.name,
            format!("{} {}", cell(ours), figure.unit),
            cell(rival),
            cell(ratio),
            figure.goal.text(),
        ));
        let line = json!({
            "name": figure.name, "commit": self.commit, "ours": ours, "rival": rival, "ratio": ratio,
            "goal": figure.goal.number(), "met": met,
        });
        writeln!(self.file, "{line}").expect("results.jsonl");
    }

    pub(crate) fn all_met(&self) -> bool {
        self.met
    }
}

#[allow(clippy::print_stdout, reason = "the table")]
fn say(line: &str) {
    println!("{line}");
}

/// A part of the figure that is being taken.
#[allow(clippy::print_stderr, reason = "beside the table")]
pub(crate) fn detail(part: &str, measured: Measured) {
    let (ours, rival) = (measured.ours, measured.rival.unwrap_or(f64::NAN));
    eprintln!("  {part:24} {ours:>12.4} {rival:>12.4} {:>8.2}", ours / rival);
}

#[allow(clippy::print_stderr, reason = "a wrong argument")]
pub(crate) fn complain(line: &str) {
    eprintln!("naru-bench: {line}");
}
