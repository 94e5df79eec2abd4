//! What real drivers say on the wire, as `clients/recorded/record.py` wrote it down in `wire/*.txt` together with the types of
//! PostgreSQL's answers: replayed to naru word for word, and with other white space, comments and names. Nothing may hang on the
//! exact text of a driver's statement.
//!
//! What comes before an error is not compared: PostgreSQL finds a division by zero of constants at Bind, naru at Execute.

use super::{configuration, serve};
use naru_sql_tests::naru::Naru;
use naru_sql_tests::pg_wire::{PgWire, Reply, cancel_request, query, texts, typed, untyped};
use naru_sql_tests::workspace;
use serde_json::Value;

/// One line of a scenario.
enum Line {
    Client(Vec<Value>),
    Server(Vec<String>),
}

/// The scenarios of a file by name. An SSLRequest before a cancel request belongs to that one's own connection.
fn scenarios(driver: &str) -> Vec<(String, Vec<Line>)> {
    let file = workspace().join("sql-tests/wire").join(driver).with_extension("txt");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut scenarios: Vec<(String, Vec<Line>)> = Vec::new();
    let mut started = false;
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix('[') {
            scenarios.push((name.trim_end_matches(']').to_owned(), Vec::new()));
            started = false;
            continue;
        }
        let scenario = &mut scenarios.last_mut().expect("a scenario's name first").1;
        if let Some(answers) = line.strip_prefix("< ") {
            scenario.push(Line::Server(answers.split(' ').map(str::to_owned).collect()));
            continue;
        }
        let message: Vec<Value> = serde_json::from_str(line.strip_prefix("> ").expect("a message")).unwrap();
        if started && message[0] == "SSLRequest" {
            assert_eq!(lines.next(), Some("< N"));
            continue;
        }
        started |= message[0] == "Startup";
        scenario.push(Line::Client(message));
    }
    scenarios
}

/// How a statement's text is changed on its way.
#[derive(Clone, Copy, Debug)]
enum Wording {
    AsRecorded,
    /// Other white space, comments, another name for the column that the scenarios give one.
    Altered,
}

impl Wording {
    fn of(self, sql: &str) -> String {
        if matches!(self, Self::AsRecorded) {
            return sql.to_owned();
        }
        let mut out = String::from(if sql.is_empty() { "" } else { "  /* altered */\n" });
        let mut quote = None;
        for character in sql.chars() {
            match quote {
                Some(open) if character == open => quote = None,
                None if matches!(character, '\'' | '"') => quote = Some(character),
                _ => {}
            }
            match character {
                ' ' if quote.is_none() => out.push_str("\t\n  "),
                other => out.push(other),
            }
        }
        out.replace("naru_alias", "\"Other Name\"")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn numbers<const N: usize>(list: &Value, bytes: impl Fn(i64) -> [u8; N]) -> Vec<u8> {
    let list = list.as_array().expect("a list");
    let count = u16::try_from(list.len()).unwrap().to_be_bytes();
    let items = list.iter().flat_map(|number| bytes(number.as_i64().expect("a number")));
    count.into_iter().chain(items).collect()
}

fn shorts(list: &Value) -> Vec<u8> {
    numbers(list, |number| i16::try_from(number).unwrap().to_be_bytes())
}

fn values(list: &Value) -> Vec<u8> {
    let list = list.as_array().expect("a list");
    let mut out = u16::try_from(list.len()).unwrap().to_be_bytes().to_vec();
    for value in list {
        let Some(hex) = value.as_str() else {
            out.extend((-1_i32).to_be_bytes());
            continue;
        };
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        out.extend(i32::try_from(bytes.len()).unwrap().to_be_bytes());
        out.extend(bytes);
    }
    out
}

fn encoded(message: &[Value], wording: Wording) -> Vec<u8> {
    match text(&message[0]) {
        "Query" => query(&wording.of(text(&message[1]))),
        "Parse" => {
            let oids = numbers(&message[3], |oid| u32::try_from(oid).unwrap().to_be_bytes());
            typed(b'P', &[texts(&[text(&message[1]), &wording.of(text(&message[2]))]), oids].concat())
        }
        "Bind" => {
            let names = texts(&[text(&message[1]), text(&message[2])]);
            typed(b'B', &[names, shorts(&message[3]), values(&message[4]), shorts(&message[5])].concat())
        }
        kind @ ("Describe" | "Close") => {
            let body = [text(&message[1]).as_bytes(), &texts(&[text(&message[2])])].concat();
            typed(if kind == "Close" { b'C' } else { b'D' }, &body)
        }
        "Execute" => {
            let most = i32::try_from(message[2].as_i64().unwrap()).unwrap();
            typed(b'E', &[texts(&[text(&message[1])]), most.to_be_bytes().to_vec()].concat())
        }
        "Flush" => typed(b'H', &[]),
        "Sync" => typed(b'S', &[]),
        "Terminate" => typed(b'X', &[]),
        other => panic!("a message {other}"),
    }
}

/// A message as the recording has it; what a server says of itself is not compared.
fn note(reply: &Reply, noted: &mut Vec<String>) {
    let kind = char::from(reply.kind);
    match kind {
        'S' | 'N' => {}
        'D' => match noted.last_mut().and_then(|last| last.strip_prefix("D*")?.parse::<usize>().ok()) {
            Some(rows) => *noted.last_mut().unwrap() = format!("D*{}", rows + 1),
            None => noted.push("D*1".to_owned()),
        },
        'E' => noted.push(format!("E:{}", reply.sqlstate().unwrap())),
        'Z' => noted.push(format!("Z:{}", char::from(reply.body[0]))),
        other => noted.push(other.to_string()),
    }
}

/// As many answers as expected: up to the same count of ReadyForQuery, or where there is none, of messages.
async fn answers(wire: &mut PgWire, expected: &[String]) -> Vec<String> {
    let ready = |noted: &[String]| noted.iter().filter(|kind| kind.starts_with('Z')).count();
    let mut noted = Vec::new();
    loop {
        let enough = match ready(expected) {
            0 => noted.len() == expected.len() || noted.last().is_some_and(|last: &String| last.starts_with("E:")),
            wanted => ready(&noted) == wanted,
        };
        if enough {
            return noted;
        }
        let Some(reply) = wire.reply().await else { return noted };
        note(&reply, &mut noted);
    }
}

/// From the first error on; all of it when there is none.
fn compared(answers: &[String]) -> &[String] {
    let error = answers.iter().position(|kind| kind.starts_with("E:"));
    &answers[error.unwrap_or(0)..]
}

async fn replay(naru: &Naru, driver: &str, name: &str, lines: &[Line], wording: Wording) {
    let mut wire = PgWire::connect(naru.pg()).await;
    let mut greeting = None;
    let mut said = String::new();
    for line in lines {
        match line {
            Line::Client(message) => match text(&message[0]) {
                "SSLRequest" => {
                    wire.send(&untyped(&80_877_103_i32.to_be_bytes())).await;
                    assert_eq!(wire.byte().await, Some(b'N'));
                }
                "Startup" => {
                    let version = i32::try_from(message[1].as_i64().unwrap()).unwrap();
                    let parameters = message[2].as_object().unwrap();
                    let more: Vec<(&str, &str)> = parameters
                        .iter()
                        .filter(|(name, _)| !matches!(name.as_str(), "user" | "database"))
                        .map(|(name, value)| (name.as_str(), text(value)))
                        .collect();
                    greeting = Some(wire.enter("alice", version, &more).await.expect("the login succeeds"));
                }
                "Cancel" => {
                    super::stopping::running(naru, 1.0).await;
                    let mut cancel = PgWire::connect(naru.pg()).await;
                    cancel.send(&cancel_request(greeting.as_ref().expect("logged in"))).await;
                    assert!(cancel.reply().await.is_none());
                }
                _ => {
                    wire.send(&encoded(message, wording)).await;
                    said = serde_json::to_string(message).unwrap();
                }
            },
            Line::Server(expected) if expected == &["N"] || expected[0] == "R" => {}
            Line::Server(expected) => {
                let got = answers(&mut wire, expected).await;
                assert_eq!(
                    compared(&got),
                    compared(expected),
                    "{driver}, {name}, {wording:?}: up to {said}: got {got:?}"
                );
            }
        }
    }
    // Every recording ends with Terminate.
    assert!(wire.reply().await.is_none(), "{driver}, {name}: the connection goes on after Terminate");
}

async fn driver(driver: &str) {
    let naru = serve(&configuration());
    let scenarios = scenarios(driver);
    let names: Vec<&str> = scenarios.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["start_up", "prepare", "fetch_size", "error", "cancel", "reset"]);
    for (name, lines) in &scenarios {
        for wording in [Wording::AsRecorded, Wording::Altered] {
            replay(&naru, driver, name, lines, wording).await;
        }
    }
}

macro_rules! drivers {
    ($($name:ident),*) => { $(
        #[tokio::test]
        async fn $name() {
            driver(stringify!($name)).await;
        }
    )* };
}

drivers!(psql, psycopg, pgjdbc, asyncpg, tokio_postgres);
