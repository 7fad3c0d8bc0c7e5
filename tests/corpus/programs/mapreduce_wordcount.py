"""Map-reduce in one file: mappers and reducers are processes."""
import collections
import itertools
import multiprocessing
import operator
import string
from functools import reduce

TEXT = """\
The quick brown fox jumps over the lazy dog. The dog sleeps; the fox does not!
A map takes one thing and makes many pairs of it. A reduce takes many values
of one key, and makes one of them. Between map and reduce, somebody sorts.
"Sorting," said the fox, "is the heart of it; without sorting, no reduce."
The dog -- who had been asleep -- did not agree: "Hashing does it as well."
So the quick fox and the lazy dog hashed, and sorted, and reduced all day long.
"""

STOP_WORDS = frozenset("a an and the of it is as in so".split())


class MapReduce(object):

    def __init__(self, map_func, reduce_func, num_workers=None):
        self.map_func = map_func
        self.reduce_func = reduce_func
        self.pool = multiprocessing.Pool(num_workers)

    def partition(self, mapped_values):
        partitioned = collections.defaultdict(list)
        for key, value in mapped_values:
            partitioned[key].append(value)
        return partitioned.items()

    def __call__(self, inputs, chunksize=1):
        map_responses = self.pool.map(self.map_func, inputs, chunksize=chunksize)
        partitioned = self.partition(itertools.chain(*map_responses))
        return self.pool.map(self.reduce_func, partitioned)

    def close(self):
        self.pool.close()
        self.pool.join()


TR = str.maketrans(string.punctuation, ' ' * len(string.punctuation))


def line_to_words(line):
    output = []
    for word in line.translate(TR).split():
        word = word.lower()
        if word.isalpha() and word not in STOP_WORDS:
            output.append((word, 1))
    return output


def count_words(item):
    word, occurrences = item
    return (word, sum(occurrences))


def line_to_letters(line):
    return [(c, 1) for c in line.lower() if c in string.ascii_lowercase]


def index_line(numbered):
    number, line = numbered
    return [(word, number) for word, _ in line_to_words(line)]


def collect(item):
    word, lines = item
    return word, sorted(set(lines))


def length_of(line):
    for word, one in line_to_words(line):
        yield len(word), word


def lengths(line):
    return list(length_of(line))


def longest(item):
    return item[0], ' '.join(sorted(set(item[1])))


def bar(n, full='*'):
    return full * n


if __name__ == '__main__':
    lines = TEXT.splitlines()

    counter = MapReduce(line_to_words, count_words, 2)
    counts = counter(lines)
    counts.sort(key=operator.itemgetter(1, 0), reverse=True)
    print('TOP WORDS\n')
    width = max(len(word) for word, count in counts[:8])
    for word, count in counts[:8]:
        print('%-*s: %3d %s' % (width + 1, word, count, bar(count)))
    print()

    letters = MapReduce(line_to_letters, count_words, 2)
    total = 0
    for letter, count in sorted(letters(lines, chunksize=2), key=lambda p: (-p[1], p[0]))[:5]:
        print(letter, count, sep=' -> ')
        total += count
    print('sum of the first five =', total)

    index = MapReduce(index_line, collect, num_workers=3)
    found = dict(index(list(enumerate(lines, start=1))))
    for word in ('fox', 'dog', 'reduce', 'sorting'):
        print('{:<10}{}'.format(word, found[word]))
    print('never:', found.get('cat'))

    by_length = MapReduce(lengths, longest, 2)
    for n, words in sorted(by_length(lines))[-3:]:
        print(n, words)

    for job in [counter, letters, index, by_length]:
        job.close()

    # the same without processes, to compare
    alone = reduce(lambda acc, pair: {**acc, pair[0]: acc.get(pair[0], 0) + pair[1]},
                   itertools.chain.from_iterable(map(line_to_words, lines)), {})
    print(alone == dict(counts), len(alone), sum(alone.values()))
    groups = itertools.groupby(sorted(alone, key=len), key=len)
    print({n: len(list(g)) for n, g in groups})
