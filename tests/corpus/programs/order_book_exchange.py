"""Stock exchange: an order book per share, traders are threads, trades are checked at the end."""
import heapq
import itertools
import random
import threading
from collections import defaultdict, deque, namedtuple
from decimal import Decimal, ROUND_HALF_UP, getcontext
from enum import Enum
from fractions import Fraction
from operator import attrgetter
from statistics import mean, median, pstdev

getcontext().prec = 12
Trade = namedtuple("Trade", "share price count buyer seller")


class Side(Enum):
    BUY = 1
    SELL = -1

    @property
    def other(self):
        return Side(-self.value)


class Order:
    counter = itertools.count(1)
    __slots__ = ("number", "trader", "side", "price", "count", "cancelled")

    def __init__(self, trader, side, price, count):
        self.number = next(Order.counter)
        self.trader = trader
        self.side = side
        self.price = Decimal(price).quantize(Decimal("0.01"), ROUND_HALF_UP)
        self.count = count
        self.cancelled = False

    def key(self):
        return (-self.side.value * self.price, self.number)

    def __lt__(self, other):
        return self.key() < other.key()

    def __repr__(self):
        return f"{self.side.name} {self.count} @ {self.price}"


class Book:
    def __init__(self, share):
        self.share = share
        self.heaps = {side: [] for side in Side}
        self.lock = threading.Lock()
        self.trades = []

    def best(self, side):
        heap = self.heaps[side]
        while heap and (heap[0].cancelled or heap[0].count == 0):
            heapq.heappop(heap)
        return heap[0] if heap else None

    def submit(self, order):
        with self.lock:
            while order.count:
                match = self.best(order.side.other)
                if match is None or (match.price - order.price) * order.side.value > 0:
                    break
                n = min(order.count, match.count)
                order.count -= n
                match.count -= n
                pair = {order.side: order.trader, match.side: match.trader}
                self.trades.append(Trade(self.share, match.price, n, pair[Side.BUY], pair[Side.SELL]))
            if order.count:
                heapq.heappush(self.heaps[order.side], order)
        return order

    def cancel(self, order):
        with self.lock:
            open_, order.cancelled = order.count > 0 and not order.cancelled, True
            return open_

    def depth(self):
        return {side.name: sum(o.count for o in heap if not o.cancelled) for side, heap in self.heaps.items()}


class Exchange:
    def __init__(self, *shares):
        self._books = {share: Book(share) for share in shares}

    def __getitem__(self, share):
        try:
            return self._books[share]
        except KeyError:
            raise LookupError(f"{share} is not traded here") from None

    def __iter__(self):
        yield from self._books.values()


class Trader(threading.Thread):
    def __init__(self, exchange, name, seed):
        super().__init__(name=name)
        self.exchange, self.rng = exchange, random.Random(seed)
        self.sent = defaultdict(int)

    def run(self):
        mine = deque(maxlen=5)
        for _ in range(60):
            book = self.exchange[self.rng.choice(["ABC", "XYZ"])]
            side = self.rng.choice(list(Side))
            order = Order(self.name, side, self.rng.randint(9500, 10500) / 100, self.rng.randint(1, 9))
            self.sent[book.share, side] += order.count
            book.submit(order)
            mine.append((book, order))
            if self.rng.random() < 0.2:
                book, order = mine.popleft()
                if book.cancel(order):
                    self.sent[book.share, "cancelled"] += 1


def scripted():
    book = Book("TST")
    steps = [("Ann", Side.SELL, "10.10", 5), ("Bob", Side.SELL, "10.00", 5), ("Cid", Side.BUY, "9.90", 4),
             ("Dot", Side.BUY, "10.05", 7), ("Eve", Side.SELL, "9.895", 9), ("Fay", Side.BUY, 11, 3)]
    orders = [book.submit(Order(*step)) for step in steps]
    for trade in book.trades:
        print("  ", *trade)
    print(orders, book.depth(), book.best(Side.BUY), book.best(Side.SELL))
    print(book.cancel(orders[0]), book.cancel(orders[0]), book.best(Side.SELL))
    prices = [t.price for t in book.trades]
    print(mean(prices), median(prices), sum(t.price * t.count for t in book.trades))
    print(Decimal("1") / Decimal("7"), Decimal("0.1") + Decimal("0.2") == Decimal("0.3"), round(Decimal("2.675"), 2))
    print(Fraction(3, 4) + Fraction("1/4"), Fraction(0.5), float(Fraction(1, 3)) < 0.34, Fraction(10, 4).limit_denominator(1))


def market():
    exchange = Exchange("ABC", "XYZ")
    traders = [Trader(exchange, name, seed) for seed, name in enumerate(["Ann", "Bob", "Cid", "Dot"])]
    for t in traders:
        t.start()
    for t in traders:
        t.join()
    for book in exchange:
        bought, sold = defaultdict(int), defaultdict(int)
        for trade in book.trades:
            bought[trade.buyer] += trade.count
            sold[trade.seller] += trade.count
        sent = sum(n for t in traders for (share, side), n in t.sent.items() if share == book.share and isinstance(side, Side))
        in_books = sum(o.count for heap in book.heaps.values() for o in heap)
        print(book.share, sum(bought.values()) == sum(sold.values()), len(book.trades) > 20,
              sent >= in_books + 2 * sum(bought.values()), all(Decimal(95) <= t.price <= Decimal(105) for t in book.trades))
        buy, sell = book.best(Side.BUY), book.best(Side.SELL)
        print("  crossed:", bool(buy and sell and buy.price >= sell.price), type(max(book.trades, key=attrgetter("price"))).__name__)
    try:
        exchange["QQQ"]
    except LookupError as e:
        print(type(e).__name__, e, e.__cause__, e.__suppress_context__)


scripted()
market()
print(pstdev([2, 4, 4, 4, 5, 5, 7, 9]))
