# Data classes, enums, context managers and texts in one go.
import dataclasses, enum, typing, abc, contextlib, functools, types, operator, string, re, textwrap, json, threading
from dataclasses import dataclass, field
@dataclass(order=True)
class Job:
    prio: int
    name: str = field(compare=False, default='x')
    tags: list = field(default_factory=list, compare=False, repr=False)
    def __post_init__(self): self.done = False
print(Job(2), Job(1) < Job(2), dataclasses.asdict(Job(1, 'n')), dataclasses.replace(Job(1), name='z'), Job(1) == Job(1, 'other'))
@dataclass(frozen=True)
class P: x: int; y: int = 0
try: P(1).x = 3
except dataclasses.FrozenInstanceError as e: print(e)
print({P(1): 1}[P(1)], dataclasses.fields(P)[0].name, dataclasses.is_dataclass(P))
class Color(enum.Enum): RED = 1; GREEN = enum.auto(); B = 'blue'
print(Color.RED, repr(Color.GREEN), Color('blue'), Color['RED'].name, list(Color), Color.RED is Color(1), isinstance(Color.RED, Color))
class F(enum.IntFlag): A = 1; B = 2
print(F.A | F.B, F.A in (F.A | F.B), int(F.B), enum.IntEnum('E', 'X Y').Y)
try: Color(9)
except ValueError as e: print(e)
class Base(abc.ABC):
    @abc.abstractmethod
    def run(self): ...
    @property
    @abc.abstractmethod
    def n(self): ...
try: Base()
except TypeError as e: print(e)
@contextlib.contextmanager
def cm(x):
    print('in', x)
    try: yield x * 2
    except ValueError as e: print('swallow', e)
    finally: print('out')
with cm(2) as v: print(v); raise ValueError('v')
with contextlib.suppress(KeyError), contextlib.ExitStack() as st: st.callback(print, 'cb'); st.enter_context(cm(1)); {}['a']
@cm(5)
def deco(): return 'decorated'
print(deco())
T = typing.TypeVar('T'); X = typing.Optional[int]; print(X, typing.List[int], typing.Dict[str, typing.Any], typing.Union[int, str, None], typing.Callable[[int], str], list[int], dict[str, int] | None, int | str)
class NT(typing.NamedTuple): a: int; b: str = 'q'
print(NT(1), NT(1)._asdict(), NT._fields, typing.get_type_hints(NT))
def g(a: int, *args: str, k: float = 1.0, **kw) -> bool: ...
print(g.__annotations__, g.__defaults__, g.__kwdefaults__, g.__name__, g.__qualname__, g.__code__.co_argcount, g.__code__.co_varnames)
print(types.SimpleNamespace(a=1, b='x'), operator.itemgetter(1, 0)([5, 6]), operator.attrgetter('a')(types.SimpleNamespace(a=3)), operator.methodcaller('upper')('x'))
print(string.Template('$a ${b} $$').substitute(a=1, b=2), string.ascii_lowercase[:5], string.capwords('hello world'), string.Formatter().format('{0!r:>5}', 'a'))
print(re.sub(r'(\w+) (\w+)', r'\2 \1', 'hello world'), re.findall(r'\d+', 'a1b22'), re.match(r'(?P<y>\d{4})', '2020-01').groupdict(), re.split(r'[,;]\s*', 'a, b;c'), re.compile('x', re.I).search('aXb'), re.fullmatch('a+', 'aaa').span())
print(textwrap.fill('the quick brown fox jumps', 10), textwrap.dedent('  a\n   b\n'), textwrap.shorten('hello big world', 12), textwrap.indent('a\nb', '> '))
print(json.dumps({'a': [1, 2.5, None, True], 'b': 'é"\n'}, indent=2, sort_keys=True), json.loads('[1, 1e3, "\\u00e9", null]'), json.dumps('é', ensure_ascii=False), json.dumps((1, 2)), json.dumps({1: 2}))
try: json.loads('{bad}')
except json.JSONDecodeError as e: print(e, e.lineno, e.pos)
try: json.dumps(threading.Lock())
except TypeError as e: print(e)
