# Collection, copies and decimal contexts of threads.
import gc, sys, weakref, threading, decimal, builtins, copy
class Node:
    def __init__(self, v): self.v = v; self.n = None
a = Node(1); b = Node(2); a.n = b; b.n = a
print(len(gc.get_referents(a)) > 0, b in gc.get_referents(a) or any(b in x.values() for x in gc.get_referents(a) if isinstance(x, dict)))
w = weakref.ref(a); del a, b; print(gc.collect() > 0, w())
print(gc.isenabled(), type(gc.get_threshold()), type(gc.get_count()), gc.get_objects is not None)
gc.disable(); print(gc.isenabled()); gc.enable()
print(sys.getrefcount([]) > 0)
ctx = decimal.getcontext(); print(ctx.prec, ctx)
ctx.prec = 6; print(decimal.Decimal(1) / 7)
def w2():
    print(decimal.getcontext().prec); decimal.getcontext().prec = 3; print(decimal.Decimal(1) / 3)
t = threading.Thread(target=w2); t.start(); t.join(); print(decimal.getcontext().prec)
decimal.setcontext(decimal.ExtendedContext); print(decimal.Decimal(1) / 7)
with decimal.localcontext() as c: c.prec = 2; print(decimal.Decimal(1) / 7)
decimal.setcontext(decimal.Context(prec=5, rounding=decimal.ROUND_DOWN)); print(decimal.Decimal(2) / 3, decimal.Decimal('1.255').quantize(decimal.Decimal('.01')))
print(builtins.len([1]), builtins.print is print, hasattr(builtins, 'open'))
old = builtins.print
def loud(*a, **k): old('LOUD', *a, **k)
builtins.print = loud; print('x'); builtins.print = old
x = [1, [2]]; y = copy.copy(x); z = copy.deepcopy(x); x[1].append(3); print(y, z)
class C:
    def __copy__(self): return 'copied'
    def __deepcopy__(self, memo): return 'deep %s' % type(memo).__name__
print(copy.copy(C()), copy.deepcopy(C()), copy.copy({1: 2}), copy.deepcopy((1, [2])))
l = threading.Lock()
try: copy.deepcopy(l)
except TypeError as e: print(e)
