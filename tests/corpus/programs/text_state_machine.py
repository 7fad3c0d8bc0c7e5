"""A vending machine as a state machine, driven by events from several threads in order."""
from enum import Enum, auto
from collections import namedtuple
import threading
import queue

Product = namedtuple('Product', ['name', 'price'], defaults=[100])
COINS = (5, 10, 20, 50, 100, 200)


class State(Enum):
    IDLE = auto()
    PAYING = auto()
    DISPENSING = auto()
    BROKEN = 'broken'


class Event:
    def __init__(self, **kw):
        self.__dict__.update(kw)

    __match_args__ = ()


class Coin(Event):
    __match_args__ = ('value',)


class Button(Event):
    __match_args__ = ('product',)


class Cancel(Event):
    pass


class Kick(Event):
    __match_args__ = ('strength',)


class MachineError(Exception):
    def __init__(self, state, event):
        self.state = state
        self.event = event

    def __str__(self):
        return f'{type(self.event).__name__} is not possible in {self.state}'


class Machine:
    def __init__(self, products):
        self.products = {number: (product, count) for number, (product, count) in enumerate(products, 1)}
        self.state = State.IDLE
        self.paid = 0
        self.log = []
        self.handlers = {name[3:]: getattr(self, name) for name in dir(self) if name.startswith('on_')}

    def __setattr__(self, name, value):
        if name == 'state' and getattr(self, 'state', None) not in (None, value):
            self.log.append(f'{self.state.name}>{value.name}')
        super().__setattr__(name, value)

    def __getattr__(self, name):
        if name.startswith('is_'):
            return self.state.name.lower() == name[3:]
        raise AttributeError(f'{type(self).__name__!r} has no {name!r}')

    def on_leave(self):
        return 'bye'

    def handle(self, event):
        match event, self.state:
            case Kick(s), _ if s > 9:
                self.state = State.BROKEN
                return 'crunch'
            case Kick(), State.BROKEN:
                self.state = State.IDLE
                return 'works again'
            case (_, State.BROKEN):
                raise MachineError(self.state, event)
            case Coin(v), _ if v not in COINS:
                return f'clink: {v} falls through'
            case Coin(value=v), State.IDLE | State.PAYING:
                self.paid += v
                self.state = State.PAYING
                return f'{self.paid / 100:.2f} paid'
            case Button(product=int() as n), State.PAYING:
                return self.sell(n)
            case Button(), State.IDLE:
                return 'please pay first'
            case Cancel(), State.PAYING:
                change, self.paid = self.paid, 0
                self.state = State.IDLE
                return f'returned {self.coins(change)}'
            case _:
                raise MachineError(self.state, event)

    def sell(self, n):
        match self.products.get(n):
            case None:
                return f'no product {n}'
            case (Product(name=name), 0):
                return f'{name} is sold out'
            case (Product(price=price), _) if price > self.paid:
                return f'{price - self.paid} missing'
            case (Product(name, price) as product, count):
                self.state = State.DISPENSING
                self.products[n] = product, count - 1
                change, self.paid = self.paid - price, 0
                self.state = State.IDLE
                return f'{name} and {self.coins(change) or "no change"}'

    @staticmethod
    def coins(amount):
        out = []
        for coin in sorted(COINS, reverse=True):
            n, amount = divmod(amount, coin)
            out += [coin] * n
        return out


events = queue.Queue()
turn = threading.Condition()
whose = 0


def person(number, actions):
    """people take turns"""
    global whose
    for action in actions:
        with turn:
            turn.wait_for(lambda: whose == number)
            events.put((number, action))
    with turn:
        whose += 1
        turn.notify_all()


machine = Machine([(Product('water', 80), 2), (Product('cola', 150), 1), (Product('gum'), 0)])
people = [
    (Coin(value=50), Coin(value=50), Button(product=1)),
    (Button(product=2), Coin(value=200), Button(product=9), Button(product=2), Coin(value=7)),
    (Coin(value=200), Button(product=2), Button(product=3), Cancel(), Cancel()),
    (Kick(strength=3), Kick(strength=10), Coin(value=5), Kick(strength=1), Coin(value=20), Button(product=1), Cancel()),
]
threads = [threading.Thread(target=person, args=(i, a)) for i, a in enumerate(people)]
for t in reversed(threads):
    t.start()
for t in threads:
    t.join()
while not events.empty():
    number, event = events.get()
    args = ', '.join(f'{v}' for v in vars(event).values())
    try:
        answer = machine.handle(event)
    except MachineError as e:
        answer = f'!! {e}'
    print(f'{number}: {type(event).__name__}({args}) -> {answer}')
print(' '.join(machine.log))
print(machine.is_idle, machine.is_broken, machine.handlers['leave'](), hasattr(machine, 'nothing'))
try:
    machine.nothing
except AttributeError as e:
    print(e)
print({n: c for n, (p, c) in machine.products.items()}, Product('tea'), Product._field_defaults)


def classify(value):
    match value:
        case []: return 'empty list'
        case [x]: return f'one: {x}'
        case [x, y, *_, z]: return f'{x}..{z}'
        case {'kind': 'point', 'at': (x, y), **rest}: return f'point {x},{y} {rest}'
        case {}: return 'some dict'
        case str() | bytes() as text: return f'text of {len(text)}'
        case bool(): return 'truth'
        case int(n) if n < 0: return 'negative'
        case 0 | 1 | 2: return 'small'
        case float(): return 'float'
        case None: return 'nothing'
        case State.IDLE: return 'idle'
        case _: return type(value).__name__


print(*map(classify, [[], [5], (1, 2, 3, 4), {'kind': 'point', 'at': [1, 2], 'z': 3}, {'a': 1}, 'abc', b'', True, -4, 2, 2.5,
                      None, State.IDLE, 77, {1}]), sep=' | ')
