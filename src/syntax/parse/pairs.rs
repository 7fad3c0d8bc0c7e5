//! What the grammar's parser hands over, with places in the whole source: a source is parsed in
//! pieces, and pest counts from the start of each.

use super::grammar::Rule;
use crate::syntax::span::Span;

/// A rule that matched, and where its piece of the source begins.
#[derive(Clone, Debug)]
pub(super) struct Pair<'c> {
    inner: pest::iterators::Pair<'c, Rule>,
    base: usize,
}

/// Several of them, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Pairs<'c> {
    inner: pest::iterators::Pairs<'c, Rule>,
    base: usize,
}

impl<'c> Pair<'c> {
    pub(super) fn new(inner: pest::iterators::Pair<'c, Rule>, base: usize) -> Self {
        Pair { inner, base }
    }

    pub(super) fn as_rule(&self) -> Rule {
        self.inner.as_rule()
    }

    /// The laid-out text that matched.
    pub(super) fn as_str(&self) -> &'c str {
        self.inner.as_str()
    }

    pub(super) fn span(&self) -> Span {
        let span = self.inner.as_span();
        Span::new(self.base + span.start(), self.base + span.end())
    }

    /// The rules that matched within.
    pub(super) fn into_inner(self) -> Pairs<'c> {
        Pairs {
            inner: self.inner.into_inner(),
            base: self.base,
        }
    }

    /// As pest knows it, and where its piece begins.
    pub(super) fn into_parts(self) -> (pest::iterators::Pair<'c, Rule>, usize) {
        (self.inner, self.base)
    }
}

impl<'c> Pairs<'c> {
    pub(super) fn new(inner: pest::iterators::Pairs<'c, Rule>, base: usize) -> Self {
        Pairs { inner, base }
    }

    /// The next one, left in its place.
    pub(super) fn peek(&self) -> Option<Pair<'c>> {
        Some(Pair::new(self.inner.peek()?, self.base))
    }
}

impl<'c> Iterator for Pairs<'c> {
    type Item = Pair<'c>;

    fn next(&mut self) -> Option<Pair<'c>> {
        Some(Pair::new(self.inner.next()?, self.base))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        Some(Pair::new(self.inner.next_back()?, self.base))
    }
}

impl ExactSizeIterator for Pairs<'_> {}
