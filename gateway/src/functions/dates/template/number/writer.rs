//! A number by its template, place by place.

use super::super::write::ordinal;
use super::{Anchor, Piece, Template};

/// The state of writing one number.
pub(super) struct Writer<'a> {
    template: &'a Template,
    negative: bool,
    digits: Vec<u8>,
    /// How many stand behind the point.
    behind: usize,
    /// The next of them.
    at: usize,
    /// Places before the first digit.
    missing: usize,
    /// The position among the digits of the template.
    current: usize,
    count: usize,
    sign: Option<Anchor>,
    brackets: bool,
    sign_written: bool,
    /// Was the last place a digit?
    inside: bool,
    /// With `FM`: the last digit behind the point that is not 0, or the point.
    last_relevant: Option<usize>,
    roman: bool,
    /// Were there more places than digits? PostgreSQL's text ends there.
    ended: bool,
    out: String,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        template: &'a Template,
        (before, behind): (usize, usize),
        negative: bool,
        digits: String,
        missing: usize,
    ) -> Self {
        let digits = digits.into_bytes();
        let own_sign = template.plus || template.minus;
        let sign_written = if own_sign {
            template.minus || !template.plus
        } else {
            !negative && template.fill && template.sign.is_none()
        };
        let sign = template.sign.map(|(anchor, at)| if at == before { Anchor::Behind } else { anchor });
        let mut last_relevant = None;
        if let (true, true, Some(point)) =
            (template.fill, template.has_point, digits.iter().position(|digit| *digit == b'.'))
        {
            let nonzero = digits.iter().rposition(|digit| *digit != b'0').unwrap_or(point);
            let kept = template.zero_end.saturating_sub(missing).min(digits.len() - 1);
            last_relevant =
                Some(if template.zero_end > missing { nonzero.max(point).max(kept) } else { nonzero.max(point) });
        }
        let count = (behind + before).saturating_sub(1) + usize::from(!sign_written && missing == 0);
        Self {
            template,
            negative,
            digits,
            behind,
            at: 0,
            missing,
            current: 0,
            count,
            sign,
            // A positive number has none under `FM`.
            brackets: template.brackets && !(template.fill && !negative && !own_sign),
            sign_written,
            inside: false,
            last_relevant,
            roman: false,
            ended: false,
            out: String::new(),
        }
    }

    pub(super) fn roman(template: &'a Template, digits: String) -> Self {
        let mut writer = Self::new(template, (0, 0), false, digits, 0);
        writer.roman = true;
        writer
    }

    pub(super) fn run(mut self) -> String {
        for piece in &self.template.pieces {
            if self.ended {
                break;
            }
            match piece {
                Piece::Digit | Piece::Zero | Piece::Point if self.roman => {}
                Piece::Digit | Piece::Point => self.place(false),
                Piece::Zero => self.place(true),
                Piece::Comma => self.separator(),
                Piece::Currency => self.out.push(' '),
                Piece::Roman(upper) => {
                    let numeral = String::from_utf8_lossy(&self.digits).into_owned();
                    let numeral = if *upper { numeral } else { numeral.to_ascii_lowercase() };
                    self.out.push_str(&if self.template.fill { numeral } else { format!("{numeral:>15}") });
                }
                Piece::Ordinal(upper) => {
                    let without =
                        self.roman || self.negative || self.template.has_point || self.digits.first() == Some(&b'#');
                    if !without {
                        let ending = ordinal(&String::from_utf8_lossy(&self.digits));
                        self.out.push_str(&if *upper { ending.to_ascii_uppercase() } else { ending.to_owned() });
                    }
                }
                Piece::Minus => self.own_sign(self.negative.then_some('-')),
                Piece::Plus => self.own_sign((!self.negative).then_some('+')),
                Piece::Sign => self.own_sign(Some(if self.negative { '-' } else { '+' })),
                Piece::Modifier => {}
                Piece::Text(character) => self.out.push(*character),
            }
        }
        self.out
    }

    fn own_sign(&mut self, sign: Option<char>) {
        match sign {
            Some(sign) => self.out.push(sign),
            None => self.blank(),
        }
    }

    fn separator(&mut self) {
        if self.inside { self.out.push(',') } else { self.blank() }
    }

    /// A place with nothing in it.
    fn blank(&mut self) {
        if !self.template.fill {
            self.out.push(' ');
        }
    }

    fn has_zero(&self) -> bool {
        self.template.zero_start.is_some()
    }

    /// `0.1` by `9.9` is ` .1`.
    fn drops_zero(&self) -> bool {
        !self.has_zero() && self.at == 0 && self.digits.first() == Some(&b'0') && self.behind != 0
    }

    /// One place of the number: `9`, `0` or the point.
    fn place(&mut self, is_zero: bool) {
        self.inside = false;
        let begins = self.current >= self.missing || self.template.zero_start == Some(self.current);
        let only_point = self.last_relevant.is_some_and(|last| self.digits[last] == b'.');
        if !self.sign_written && begins && (!self.drops_zero() || only_point) {
            self.leading_sign();
        }
        let zero_begun = self.template.zero_start.is_some_and(|start| start <= self.current);
        if self.current < self.missing {
            if zero_begun {
                self.out.push('0');
                self.inside = true;
            } else {
                self.blank();
            }
        } else {
            self.digit(is_zero, only_point);
        }
        let mut end = self.count + usize::from(self.missing > 0) + usize::from(self.template.has_point);
        if self.last_relevant == Some(self.at) {
            end = self.current;
        }
        if self.current + 1 == end {
            if self.sign_written && self.brackets {
                self.out.push(if self.negative { '>' } else { ' ' });
            } else if self.sign == Some(Anchor::Behind) {
                self.out.push(if self.negative { '-' } else { '+' });
            }
        }
        self.current += 1;
    }

    fn leading_sign(&mut self) {
        match (self.sign, self.brackets) {
            (Some(Anchor::Behind), _) => return,
            (Some(Anchor::Before), _) => self.out.push(if self.negative { '-' } else { '+' }),
            (None, true) => self.out.push(if self.negative { '<' } else { ' ' }),
            (None, false) if self.negative => self.out.push('-'),
            (None, false) => self.blank(),
        }
        self.sign_written = true;
    }

    fn digit(&mut self, is_zero: bool, only_point: bool) {
        let trailing_zero = self.last_relevant.is_some_and(|last| self.at > last) && !is_zero;
        let Some(digit) = self.digits.get(self.at).copied() else {
            self.ended = !trailing_zero;
            return;
        };
        if digit == b'.' {
            if !only_point || self.template.fill {
                self.out.push('.');
            }
        } else if trailing_zero {
            // `FM` leaves it out.
        } else if self.drops_zero() {
            if !self.template.fill {
                self.out.push(' ');
            } else if only_point {
                self.out.push('0');
            }
        } else {
            self.out.push(char::from(digit));
            self.inside = true;
        }
        self.at += 1;
    }
}
