# 转账、哲学家、交替打印、单例:常见的面试题。
import threading, time, random
# 银行转账 + 死锁避免
class Account:
    _lock = threading.Lock(); _n = 0
    def __init__(self, bal):
        with Account._lock: Account._n += 1; self.id = Account._n
        self.bal = bal; self.lock = threading.RLock()
    def __lt__(self, o): return self.id < o.id
    def __repr__(self): return f'账户{self.id}({self.bal:,.2f})'
def transfer(a, b, amt):
    first, second = sorted((a, b))
    with first.lock, second.lock:
        if a.bal >= amt: a.bal -= amt; b.bal += amt; return True
        return False
accts = [Account(1000) for _ in range(4)]
def worker(seed):
    r = random.Random(seed)
    for _ in range(100): transfer(*r.sample(accts, 2), r.randint(1, 50))
ts = [threading.Thread(target=worker, args=(i,), name=f'转账-{i}') for i in range(4)]
for t in ts: t.start()
for t in ts: t.join()
print(sum(a.bal for a in accts), accts[0].id, ts[0].name)
# philosophers
N = 5; forks = [threading.Lock() for _ in range(N)]; eaten = [0] * N
def phil(i):
    l, r = forks[i], forks[(i + 1) % N]
    if i == N - 1: l, r = r, l
    for _ in range(5):
        with l:
            with r: eaten[i] += 1
ps = [threading.Thread(target=phil, args=(i,)) for i in range(N)]
[p.start() for p in ps]; [p.join() for p in ps]; print(eaten)
# 交替打印
a, b = threading.Semaphore(1), threading.Semaphore(0); out = []
def odd():
    for i in range(1, 10, 2): a.acquire(); out.append(i); b.release()
def even():
    for i in range(2, 11, 2): b.acquire(); out.append(i); a.release()
x, y = threading.Thread(target=odd), threading.Thread(target=even); x.start(); y.start(); x.join(); y.join(); print(*out, sep=',')
# singleton
class Single:
    _inst = None; _lock = threading.Lock()
    def __new__(cls, *a, **k):
        if cls._inst is None:
            with cls._lock:
                if cls._inst is None: cls._inst = super().__new__(cls)
        return cls._inst
s = set(); ts = [threading.Thread(target=lambda: s.add(id(Single()))) for _ in range(10)]; [t.start() for t in ts]; [t.join() for t in ts]; print(len(s))
def sync(lock):
    def deco(f):
        def w(*a, **k):
            with lock: return f(*a, **k)
        return w
    return deco
cnt = 0
@sync(threading.Lock())
def inc():
    global cnt; c = cnt; time.sleep(0); cnt = c + 1
ts = [threading.Thread(target=inc) for _ in range(20)]; [t.start() for t in ts]; [t.join() for t in ts]; print(cnt)
