from collections import *
from itertools import *
from functools import *
import operator as op, heapq, bisect, copy, random, string

print(Counter('mississippi').most_common(2), Counter(a=3) - Counter(a=1, b=2), sum(Counter('ab').values()))
dd = defaultdict(lambda: [0]); dd['x'].append(1); print(dict(dd), dd)
od = OrderedDict(b=1, a=2); od.move_to_end('b'); print(od, list(reversed(od)), od.popitem())
Point = namedtuple('Point', 'x y'); p = Point(1, y=2); print(p, p._replace(x=5), p + (3,), *p)
dq = deque([1, 2, 3], 5); dq.rotate(1); dq.appendleft(0); print(dq, dq[1], dq.count(3))
print(list(chain('ab', [1])), list(islice(count(5, 2), 3)), list(combinations('abc', 2)), list(permutations([1, 2])), list(product('ab', repeat=2))[:3])
print([(k, list(g)) for k, g in groupby('aabbc')], list(accumulate([1, 2, 3], op.mul)), list(takewhile(lambda x: x < 3, range(9))), list(dropwhile(str.isdigit, '12a3')))
print(list(zip_longest('ab', 'x', fillvalue='-')), list(starmap(pow, [(2, 3)])), list(compress('abc', [1, 0, 1])), list(pairwise('abc')), list(batched('abcde', 2)))
print(reduce(op.add, [[1], [2]], []), partial(int, base=2)('101'), sorted('b a C'.split(), key=cmp_to_key(lambda a, b: (a > b) - (a < b))))
h = [5, 1, 4]; heapq.heapify(h); heapq.heappush(h, 0); print(heapq.heappop(h), heapq.nlargest(2, h), heapq.nsmallest(1, h), heapq.heapreplace(h, 9))
a = [[1], 2]; b = copy.copy(a); c = copy.deepcopy(a); a[0].append(9); print(b, c, a is b)
random.seed(3); print(random.randint(1, 100), random.choice('abc'), random.sample(range(10), 3), round(random.random(), 1), random.shuffle(l := [1, 2, 3, 4]) or l)
print(string.ascii_letters[:3], string.digits, {1, 2} | {3} ^ {1}, {1, 2} <= {1, 2, 3}, frozenset('a') & {'a'}, set('hello') - set('hell'))
print([*range(3), *'ab'], {**{'a': 1}, 'b': 2} | {'c': 3}, dict.fromkeys('ab', 0), max({'x': 1, 'y': 3}.items(), key=op.itemgetter(1)), any([]), all([]))
x = [1, 2, 3, 4, 5]; x[1:3] = 'abc'; del x[::2]; x.insert(1, None); print(x, x.index(None), x[-2:], [i for i in x if i is not None][::-1])
print(divmod(-7, 3), pow(3, -1, 7), int('ff', 16), bin(10), hex(255), round(2.675, 1), abs(-3), (5).bit_length(), (255).to_bytes(2, 'big'), float.fromhex('0x1p3').is_integer())
