# Data classes, named tuples, enumerations.
import sys
from dataclasses import dataclass, field
from collections import namedtuple
from enum import Enum
@dataclass(order=True)
class Item:
    price: float
    name: str = "x"
    tags: list = field(default_factory=list)
    def cost(self, n):
        return self.price * n
Point = namedtuple("Point", "x y")
class Color(Enum):
    RED = 1
    GREEN = 2
def main(rounds):
    total = 0
    items = []
    for i in range(rounds):
        item = Item(i % 100 * 1.5, "n%d" % (i % 10))
        items.append(item)
        p = Point(i, i + 1)
        total += p.x + p.y + item.cost(2)
        c = Color.RED if i % 2 else Color.GREEN
        if c is Color.RED:
            total += c.value
        q = p._replace(x=3)
        total += q[0] + (item == items[0])
    items.sort()
    return total, items[0].name, repr(items[-1])
print(*main(int(sys.argv[1]) if len(sys.argv) > 1 else 8000))
