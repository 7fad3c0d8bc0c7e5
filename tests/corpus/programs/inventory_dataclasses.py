"""Dataclasses, enums and type hints everywhere."""
from __future__ import annotations

import copy
import json
from collections import Counter, ChainMap
from dataclasses import asdict, astuple, dataclass, field, fields, replace, FrozenInstanceError
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum, auto, unique
from functools import reduce, singledispatch, total_ordering
from queue import PriorityQueue
from threading import Lock, Thread
from typing import (Any, ClassVar, Dict, Final, Generic, Iterable, Iterator, List, Literal, NamedTuple, Optional, Protocol,
                    Tuple, TypeVar, Union, cast)

T = TypeVar("T")
LIMIT: Final = 100


@unique
class Category(Enum):
    FOOD = "food"
    TOOL = "tool"
    TOY = "toy"

    def __str__(self) -> str:
        return self.value.title()

    @classmethod
    def parse(cls, text: str) -> Category:
        return cls(text.lower())


class Size(IntEnum):
    SMALL = 1
    MEDIUM = 2
    LARGE = 3


class Label(Flag):
    NONE = 0
    NEW = auto()
    SALE = auto()
    FRAGILE = auto()
    GIFT = NEW | FRAGILE


@dataclass(frozen=True, order=True)
class Money:
    amount: Decimal
    currency: str = "EUR"

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return replace(self, amount=self.amount + other.amount)

    def __mul__(self, n: int) -> Money:
        return Money(self.amount * n, self.currency)

    __rmul__ = __mul__

    def __str__(self) -> str:
        return f"{self.amount:,.2f} {self.currency}".replace(".", "·", 1)


class HasPrice(Protocol):
    price: Money


@dataclass
class Item:
    name: str
    price: Money
    category: Category = Category.TOOL
    size: Size = Size.MEDIUM
    labels: Label = Label.NONE
    tags: List[str] = field(default_factory=list, compare=False)
    serial: int = field(init=False, repr=False, compare=False)
    total_made: ClassVar[int] = 0

    def __post_init__(self) -> None:
        Item.total_made += 1
        self.serial = Item.total_made
        if isinstance(self.category, str):
            self.category = Category.parse(self.category)


@dataclass
class Perishable(Item):
    best_before: Optional[date] = None

    def days_left(self, today: date) -> int:
        return (self.best_before - today).days if self.best_before else 10 ** 6


class Line(NamedTuple):
    item: Item
    count: int = 1

    @property
    def total(self) -> Money:
        return self.item.price * self.count


class Inventory(Generic[T]):
    def __init__(self) -> None:
        self._stock: Counter[str] = Counter()
        self._items: Dict[str, Item] = {}
        self._lock = Lock()

    def add(self, item: Item, count: int = 1) -> Inventory:
        with self._lock:
            self._items[item.name] = item
            self._stock[item.name] += count
        return self

    def __getitem__(self, name: str) -> Line:
        return Line(self._items[name], self._stock[name])

    def __iter__(self) -> Iterator[Line]:
        return (self[name] for name in sorted(self._items))

    def value(self) -> Money:
        return reduce(lambda a, b: a + b, (line.total for line in self))

    def by(self, key) -> Dict[Any, List[str]]:
        groups: Dict[Any, List[str]] = {}
        for line in self:
            groups.setdefault(key(line.item), []).append(line.item.name)
        return groups


@singledispatch
def describe(thing: Any) -> str:
    return f"some {type(thing).__name__}"


@describe.register
def _(thing: Item) -> str:
    return f"{thing.name} ({thing.category}, {thing.size.name.lower()})"


@describe.register(int)
@describe.register(float)
def _(thing) -> str:
    return f"number {thing}"


@describe.register(list)
def _(thing: list) -> str:
    return "[" + "; ".join(map(describe, thing)) + "]"


@total_ordering
class Ticket:
    def __init__(self, priority: int, text: str) -> None:
        self.priority, self.text = priority, text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ticket) and self.priority == other.priority

    def __lt__(self, other: Ticket) -> bool:
        return self.priority < other.priority


def encode(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, (Decimal, date)):
        return str(value)
    raise TypeError(f"cannot encode {value!r}")


def main() -> None:
    euro = lambda text: Money(Decimal(text))
    hammer = Item("hammer", euro("12.50"), labels=Label.NEW | Label.SALE, tags=["steel"])
    milk = Perishable("milk", euro("1.19"), "food", Size.SMALL, best_before=date(2024, 3, 1))
    robot = Item("robot", euro("49.00"), Category.TOY, Size.LARGE, Label.GIFT)
    print(hammer, milk, sep="\n")
    print(hammer == copy.copy(hammer), hammer == milk, hammer is copy.deepcopy(hammer), Item.total_made, robot.serial)
    print([f.name for f in fields(Perishable)], milk.days_left(date(2024, 2, 27)), date(2024, 2, 27) + timedelta(days=3))
    stock: Inventory = Inventory()
    threads = [Thread(target=stock.add, args=(item, n)) for item in (hammer, milk, robot) for n in (1, 2, 3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for line in stock:
        print(f"{line.item.name:<8}{line.count:>3} {line.total!s:>12}")
    print(stock.value(), max(stock, key=lambda l: l.total).item.name, stock.by(lambda i: i.size > Size.SMALL))
    print(json.dumps(asdict(robot), default=encode, sort_keys=True))
    print(astuple(Money(Decimal(1))), euro("2") * 3 > 3 * euro("1.5"), sorted([euro("3"), euro("1")])[0])
    print(Label.GIFT, Label.NEW in robot.labels, Label(3), ~Label.NEW & Label.GIFT, bool(Label.NONE), Size(3), Size.LARGE + 1)
    print([str(c) for c in Category], Category["TOY"], Category.TOY.name, repr(Category.parse("FOOD")), len(Category))
    print(describe([hammer, 3, 2.5, "x", []]))
    q: PriorityQueue = PriorityQueue()
    for ticket in (Ticket(3, "c"), Ticket(1, "a"), Ticket(2, "b")):
        q.put(ticket)
    print("".join(q.get().text for _ in range(3)), Ticket(1, "") >= Ticket(1, "z"), Ticket(1, "") != Ticket(2, ""))
    settings = ChainMap({"size": 1}, {"size": 5, "colour": "red"})
    print(settings["size"], settings["colour"], dict(settings))
    failures = [
        lambda: setattr(euro("1"), "amount", 2), lambda: Category("car"), lambda: Category["CAR"],
        lambda: euro("1") + Money(Decimal(1), "USD"), lambda: euro("1") + 1, lambda: Item("x"),
        lambda: Item("x", 1, "nothing"), lambda: json.dumps({"a": object()}, default=encode)]
    for failure in failures:
        try:
            failure()
        except Exception as error:
            print(f"{type(error).__name__}: {str(error).split(' at 0x')[0]}")


if __name__ == "__main__":
    main()
