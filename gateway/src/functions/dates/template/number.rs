//! Numbers by a template: `to_char` (PostgreSQL manual, 9.8, table 9.28). What it does where the manual is silent is that of
//! `NUM_processor` in PostgreSQL's `formatting.c`.

mod digits;
mod writer;

use crate::error::{Error, ErrorCode, Result};
use digits::{roman, round, scientific, shifted};
use writer::Writer;

/// One piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    /// `9`
    Digit,
    /// `0`
    Zero,
    Point,
    Comma,
    Minus,
    Plus,
    Sign,
    /// The ending of an ordinal: in upper case?
    Ordinal(bool),
    /// In upper case?
    Roman(bool),
    Currency,
    /// Those that only change the others.
    Modifier,
    Text(char),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    Before,
    Behind,
}

/// A template, read.
#[derive(Debug, Clone, Default)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    /// Digits before the point.
    before: usize,
    /// Digits behind it.
    behind: usize,
    /// Digits behind `V`.
    shifted: usize,
    has_shift: bool,
    has_point: bool,
    /// The position of the first `0` before the point.
    zero_start: Option<usize>,
    zero_end: usize,
    fill: bool,
    /// `S`, and how many digits stood before it.
    sign: Option<(Anchor, usize)>,
    minus: bool,
    plus: bool,
    brackets: bool,
    roman: bool,
    scientific: bool,
}

const WORDS: [&str; 19] =
    ["EEEE", "FM", "MI", "PL", "PR", "RN", "SG", "TH", "th", "rn", "B", "C", "D", "G", "L", "S", "V", "9", "0"];

impl Template {
    /// # Errors
    /// 42601 for modifiers that exclude each other.
    pub(super) fn parse(template: &str) -> Result<Self> {
        let mut read = Self::default();
        let mut rest = template;
        while let Some(next) = rest.chars().next() {
            // In lower case they mean the same, save `th` and `rn`.
            let upper = |word: &str| rest.get(..word.len()).is_some_and(|begin| begin.to_ascii_uppercase() == word);
            let exact = WORDS.iter().find(|word| rest.starts_with(**word));
            if let Some(word) = exact.or_else(|| WORDS.iter().find(|word| upper(word))) {
                read.word(word)?;
                rest = &rest[word.len()..];
                continue;
            }
            match next {
                '.' => read.point()?,
                ',' => read.pieces.push(Piece::Comma),
                '"' => {
                    rest = read.quoted(&rest[1..]);
                    continue;
                }
                '\\' if rest[1..].starts_with('"') => {
                    read.pieces.push(Piece::Text('"'));
                    rest = &rest[2..];
                    continue;
                }
                other => read.pieces.push(Piece::Text(other)),
            }
            rest = &rest[next.len_utf8()..];
        }
        Ok(read)
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if self.scientific && word != "EEEE" {
            return Err(wrong("\"EEEE\" must be the last pattern used"));
        }
        let piece = match word {
            "9" => {
                if self.brackets {
                    return Err(wrong("\"9\" must be ahead of \"PR\""));
                }
                self.digit();
                Piece::Digit
            }
            "0" => {
                if self.brackets {
                    return Err(wrong("\"0\" must be ahead of \"PR\""));
                }
                if self.zero_start.is_none() && !self.has_point {
                    self.zero_start = Some(self.before);
                }
                self.digit();
                self.zero_end = self.before + self.behind;
                Piece::Zero
            }
            "D" => return self.point(),
            "G" => Piece::Comma,
            "L" => Piece::Currency,
            "FM" => {
                self.fill = true;
                Piece::Modifier
            }
            "S" => {
                if self.sign.is_some() {
                    return Err(wrong("cannot use \"S\" twice"));
                }
                if self.plus || self.minus || self.brackets {
                    return Err(wrong("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
                }
                self.sign = Some((if self.has_point { Anchor::Behind } else { Anchor::Before }, self.before));
                Piece::Modifier
            }
            "MI" | "PL" | "SG" | "PR" if self.sign.is_some() => {
                return Err(wrong(format!("cannot use \"S\" and \"{word}\" together")));
            }
            "MI" => {
                self.minus = true;
                Piece::Minus
            }
            "PL" => {
                self.plus = true;
                Piece::Plus
            }
            "SG" => {
                (self.minus, self.plus) = (true, true);
                Piece::Sign
            }
            "PR" => {
                if self.plus || self.minus {
                    return Err(wrong("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
                }
                self.brackets = true;
                Piece::Modifier
            }
            "RN" | "rn" => {
                self.roman = true;
                Piece::Roman(word == "RN")
            }
            "TH" | "th" => Piece::Ordinal(word == "TH"),
            "B" => Piece::Modifier,
            "V" => {
                if self.has_point {
                    return Err(wrong("cannot use \"V\" and decimal point together"));
                }
                self.has_shift = true;
                Piece::Modifier
            }
            "EEEE" => {
                if self.scientific {
                    return Err(wrong("cannot use \"EEEE\" twice"));
                }
                let other = self.zero_start.is_some()
                    || self.fill
                    || self.sign.is_some()
                    || self.brackets
                    || self.minus
                    || self.plus
                    || self.roman
                    || self.has_shift;
                if other {
                    return Err(wrong("\"EEEE\" is incompatible with other formats")
                        .with_hint("\"EEEE\" may only be used together with digit and decimal point patterns"));
                }
                self.scientific = true;
                Piece::Modifier
            }
            other => return Err(Error::unsupported(format!("\"{other}\" in a template of numbers"))),
        };
        self.pieces.push(piece);
        Ok(())
    }

    fn digit(&mut self) {
        if self.has_shift {
            self.shifted += 1;
        } else if self.has_point {
            self.behind += 1;
        } else {
            self.before += 1;
        }
    }

    fn point(&mut self) -> Result<()> {
        if self.has_point {
            return Err(wrong("multiple decimal points"));
        }
        if self.has_shift {
            return Err(wrong("cannot use \"V\" and decimal point together"));
        }
        self.has_point = true;
        self.pieces.push(Piece::Point);
        Ok(())
    }

    /// Text in double quotes; a backslash quotes the next character. Gives what follows it.
    fn quoted<'a>(&mut self, text: &'a str) -> &'a str {
        let mut characters = text.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => return &text[at + 1..],
                '\\' => self.pieces.push(Piece::Text(characters.next().map_or('\\', |(_, next)| next))),
                other => self.pieces.push(Piece::Text(other)),
            }
        }
        ""
    }

    /// How many digits behind the point the number is to have.
    pub(super) fn scale(&self) -> usize {
        self.behind
    }

    /// Writes a number, given in digits: `-12.5`, of which no more than `scale` behind the point are known.
    pub(super) fn write(&self, number: &str, scale: usize) -> String {
        let scale = scale.min(self.behind);
        let (negative, digits) = match number.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, number),
        };
        if self.roman {
            return Writer::roman(self, roman(negative, digits)).run();
        }
        if self.scientific {
            let sign = if negative { '-' } else { ' ' };
            return format!("{sign}{}", scientific(digits, self.behind));
        }
        let rounded = round(&shifted(digits, self.shifted), scale);
        let negative = negative && rounded.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
        let whole = rounded.split('.').next().map_or(0, str::len);
        let before = self.before + self.shifted;
        let (digits, missing) = if whole > before {
            (format!("{}.{}", "#".repeat(before), "#".repeat(scale)), 0)
        } else {
            (rounded, before - whole)
        };
        Writer::new(self, (before, scale), negative, digits, missing).run()
    }
}

fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorCode::SyntaxError, text.into())
}
