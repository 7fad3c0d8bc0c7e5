import abc, threading

class Base(abc.ABC):
    registry = {}

    def __init_subclass__(cls, tag=None, **kwargs):
        super().__init_subclass__(**kwargs)
        Base.registry[tag or cls.__name__.lower()] = cls

    def __init__(self, n):
        self._n = n

    @property
    @abc.abstractmethod
    def value(self): ...

    @classmethod
    def make(cls, tag, *args):
        return cls.registry[tag](*args)

class Loud:
    def __str__(self):
        return super().__str__().upper() + '!'

class Square(Base):
    @property
    def value(self): return self._n ** 2
    def __str__(self): return 'square of %d is %d' % (self._n, self.value)

class LoudSquare(Loud, Square, tag='loud'):
    pass

class Cube(Square, tag='cube'):
    value = property(lambda self: self._n ** 3)

out = {}
def work(tag, n):
    out[tag] = str(Base.make(tag, n))

ts = [threading.Thread(target=work, args=(tag, i + 2)) for i, tag in enumerate(Base.registry)]
for t in ts: t.start()
for t in ts: t.join()
for k, v in out.items() if False else sorted(out.items()):
    print(k, '->', v)
print([c.__name__ for c in LoudSquare.__mro__], issubclass(Cube, Base), isinstance(Cube(1), Loud))
try:
    Base(1)
except TypeError as e:
    print(e)
