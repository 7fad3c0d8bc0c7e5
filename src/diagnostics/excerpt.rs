//! The lines of a source that an error is about, ready to be drawn: control characters made
//! visible, overlong lines cut, with their own line numbers. Only these lines are read, wherever
//! in the source they stand. It must not know how they are drawn.

use miette::{LabeledSpan, MietteError, SourceCode, SourceSpan, SpanContents};

use super::report::SyntaxPlace;
use crate::syntax::error::SyntaxError;
use crate::syntax::source::Source;
use crate::syntax::span::Span;

/// Lines of context before and after each labelled place.
const CONTEXT: usize = 1;

/// Longer lines are cut around what is labelled in them, counted in characters.
const LONGEST: usize = 200;
/// How much of a cut line stands before the label.
const BEFORE: usize = 40;

/// A labelled place in a source.
pub struct Label {
    /// Where.
    pub span: Span,
    /// What to write there.
    pub text: Option<String>,
}

/// The labelled places of a syntax error: its own first.
pub(crate) fn labels_of(error: &SyntaxError) -> Vec<Label> {
    let own = Label {
        span: error.span,
        text: error.label.clone(),
    };
    let related = error.related.iter().map(|(span, text)| Label {
        span: *span,
        text: Some(text.clone()),
    });
    std::iter::once(own).chain(related).collect()
}

/// Lines of a source with labels.
#[derive(Clone, Debug, Default)]
pub struct Excerpt {
    name: String,
    text: String,
    lines: Vec<Line>,
    labels: Vec<LabeledSpan>,
}

#[derive(Clone, Debug)]
struct Line {
    /// Counted from 0.
    number: usize,
    /// Where it begins in the excerpt.
    start: usize,
    /// Where it ends, with its line end.
    end: usize,
    /// The character column, counted from 0, that a label has that begins in it.
    column: usize,
}

impl Excerpt {
    /// The lines around these places. The first label is the one the place is named after.
    pub fn new(source: &Source, labels: &[Label]) -> Excerpt {
        let mut numbers = Vec::new();
        for label in labels {
            let first = source.line(label.span.start);
            let last = source.line(label.span.end.saturating_sub(1).max(label.span.start));
            let from = first.saturating_sub(CONTEXT).max(1);
            // The middle of a long place says little.
            for line in from..=last + CONTEXT {
                let near = line <= first + MIDDLE || line + MIDDLE >= last;
                // What follows the last line end is a line only for those who stand in it.
                let is_there = line <= source.line_count()
                    && (line <= last
                        || line < source.line_count()
                        || !source.line_range(line).is_empty());
                if is_there && near {
                    numbers.push(line);
                }
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        let mut excerpt = Excerpt {
            name: visible(source.name()),
            ..Excerpt::default()
        };
        let mut places = vec![(None, None); labels.len()];
        for number in numbers {
            excerpt.add_line(source, number, labels, &mut places);
        }
        for (index, (label, (start, end))) in labels.iter().zip(places).enumerate() {
            let start = start.unwrap_or(0);
            let span = (start, end.unwrap_or(start).max(start) - start);
            excerpt.labels.push(match index {
                0 => LabeledSpan::new_primary_with_span(label.text.clone(), span),
                _ => LabeledSpan::new_with_span(label.text.clone(), span),
            });
        }
        excerpt
    }

    /// One line that is known by its text alone.
    pub fn of_line(place: &SyntaxPlace) -> Excerpt {
        let text = place.text.trim_end_matches(['\n', '\r']);
        let source = Source::new(place.file.as_str(), text);
        let offset = |column: usize| {
            let characters = text.char_indices().map(|(at, _)| at);
            characters
                .chain([text.len()])
                .nth(column)
                .unwrap_or(text.len())
        };
        let start = offset(place.start.saturating_sub(1));
        let label = Label {
            span: Span::new(start, offset(place.end.saturating_sub(1)).max(start)),
            text: None,
        };
        let mut excerpt = Excerpt::new(&source, &[label]);
        for line in &mut excerpt.lines {
            line.number += place.line.saturating_sub(1);
        }
        excerpt
    }

    /// The labels, by places in the excerpt.
    pub fn labels(&self) -> &[LabeledSpan] {
        &self.labels
    }

    /// Adds a line and finds out where the labels that begin or end in it are now.
    fn add_line(
        &mut self,
        source: &Source,
        number: usize,
        labels: &[Label],
        places: &mut [(Option<usize>, Option<usize>)],
    ) {
        let range = source.line_range(number);
        let text = source.line_text(number);
        let next = source.line_range(number + 1).start.max(range.end + 1);
        let starts_here =
            |label: &Label| (range.start..next).contains(&(label.span.start as usize));
        let first = labels.iter().find(|label| starts_here(label));
        let column = first.map_or(0, |label| source.character_column(label.span.start) - 1);
        let cut = cut(
            text,
            first.map_or(0, |label| label.span.start as usize - range.start),
        );
        let start = self.text.len();
        let mut map = |at: usize, here: usize| {
            for (label, place) in labels.iter().zip(&mut *places) {
                let (from, to) = (label.span.start as usize, label.span.end as usize);
                if (range.start..next).contains(&from) && from >= at {
                    place.0 = Some(here);
                }
                if to >= range.start && to >= at {
                    place.1 = Some(here);
                }
            }
        };
        if cut.start > 0 {
            map(range.start, self.text.len());
            self.text.push('…');
        }
        for (at, character) in text[cut.clone()].char_indices() {
            map(range.start + cut.start + at, self.text.len());
            self.text.push(visible_character(character));
        }
        if cut.end < text.len() {
            map(range.start + cut.end, self.text.len());
            self.text.push('…');
        }
        map(range.end, self.text.len());
        self.text.push('\n');
        self.lines.push(Line {
            number: number - 1,
            start,
            end: self.text.len(),
            column,
        });
    }

    fn line_at(&self, offset: usize) -> usize {
        let after = self.lines.partition_point(|line| line.start <= offset);
        after.saturating_sub(1)
    }
}

/// Lines of a long place that are shown at its beginning and at its end.
const MIDDLE: usize = 3;

/// Which part of a line is shown.
fn cut(text: &str, label: usize) -> std::ops::Range<usize> {
    if text.len() <= LONGEST || text.chars().count() <= LONGEST {
        return 0..text.len();
    }
    let label = label.min(text.len());
    let before = text.get(..label).unwrap_or_default();
    let start = match before.char_indices().rev().nth(BEFORE) {
        Some((at, _)) => at,
        None => 0,
    };
    let rest = text.get(start..).unwrap_or_default();
    let end = match rest.char_indices().nth(LONGEST) {
        Some((at, _)) => start + at,
        None => text.len(),
    };
    start..end
}

/// A text in which nothing reaches the terminal but characters.
pub fn visible(text: &str) -> String {
    text.chars().map(visible_character).collect()
}

/// A picture of a control character; one that changes the direction of the text is replaced.
fn visible_character(character: char) -> char {
    match character {
        '\t' => '\t',
        '\u{7F}' => '\u{2421}',
        control @ '\0'..='\u{1F}' => {
            char::from_u32(0x2400 + u32::from(control)).unwrap_or('\u{FFFD}')
        }
        '\u{80}'..='\u{9F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        other => other,
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let end = span.offset() + span.len();
        if self.lines.is_empty() || end > self.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let mut first = self.line_at(span.offset());
        let mut last = self.line_at(end.saturating_sub(1).max(span.offset()));
        let column = self.lines[first].column;
        for _ in 0..before {
            if first > 0 && self.lines[first - 1].number + 1 == self.lines[first].number {
                first -= 1;
            }
        }
        for _ in 0..after {
            let next = self.lines.get(last + 1).map(|line| line.number);
            if next == Some(self.lines[last].number + 1) {
                last += 1;
            }
        }
        let (from, to) = (self.lines[first].start, self.lines[last].end);
        Ok(Box::new(Lines {
            text: &self.text.as_bytes()[from..to],
            span: (from, to - from).into(),
            name: &self.name,
            line: self.lines[first].number,
            column: if before == 0 { column } else { 0 },
            count: last - first + 1,
        }))
    }
}

struct Lines<'a> {
    text: &'a [u8],
    span: SourceSpan,
    name: &'a str,
    line: usize,
    column: usize,
    count: usize,
}

impl<'a> SpanContents<'a> for Lines<'a> {
    fn data(&self) -> &'a [u8] {
        self.text
    }
    fn span(&self) -> &SourceSpan {
        &self.span
    }
    fn name(&self) -> Option<&str> {
        Some(self.name)
    }
    fn line(&self) -> usize {
        self.line
    }
    fn column(&self) -> usize {
        self.column
    }
    fn line_count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(excerpt: &Excerpt, index: usize) -> (String, usize, usize) {
        let span = *excerpt.labels()[index].inner();
        let near = excerpt.read_span(&span, 0, 0).unwrap();
        let part = &excerpt.text[span.offset()..span.offset() + span.len()];
        (part.to_owned(), near.line() + 1, near.column() + 1)
    }

    fn label(start: usize, end: usize) -> Label {
        Label {
            span: Span::new(start, end),
            text: None,
        }
    }

    #[test]
    fn places_keep_their_text() {
        let text = "x = 1\n函数 = 没有\u{1b}[2J\r\nlast";
        let source = Source::new("t", text);
        let name = text.find("没有").unwrap();
        let excerpt = Excerpt::new(&source, &[label(name, name + 6), label(0, 1)]);
        assert_eq!(read(&excerpt, 0), ("没有".to_owned(), 2, 6));
        assert_eq!(read(&excerpt, 1), ("x".to_owned(), 1, 1));
        assert!(!excerpt.text.contains('\u{1b}'));
        assert_eq!(excerpt.lines.len(), 3);
    }

    #[test]
    fn only_the_lines_near_the_places_are_there() {
        let text = "a\n".repeat(1000);
        let source = Source::new("t", text.as_str());
        let excerpt = Excerpt::new(&source, &[label(1000, 1001), label(1500, 1501)]);
        let numbers: Vec<usize> = excerpt.lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [499, 500, 501, 749, 750, 751]);
    }

    #[test]
    fn long_lines_are_cut() {
        let text = format!("{}wrong{}", "a".repeat(100_000), "b".repeat(100_000));
        let source = Source::new("t", text.as_str());
        let excerpt = Excerpt::new(&source, &[label(100_000, 100_005)]);
        assert!(excerpt.text.len() < 300);
        assert_eq!(read(&excerpt, 0), ("wrong".to_owned(), 1, 100_001));
    }

    #[test]
    fn places_at_the_end() {
        for text in ["", "x", "x\n", "x\n\n"] {
            let source = Source::new("t", text);
            for at in 0..=text.len() + 1 {
                let excerpt = Excerpt::new(&source, &[label(at, at)]);
                let span = *excerpt.labels()[0].inner();
                assert!(excerpt.read_span(&span, 1, 1).is_ok(), "{text:?} {at}");
            }
        }
    }
}
