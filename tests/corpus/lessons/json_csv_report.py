import csv, io, json, threading
from collections import defaultdict
from datetime import datetime, timedelta, date
from string import Template
import textwrap, pprint, statistics

DATA = """day,city,temp
2024-01-01,Oslo,-3.5
2024-01-01,Rome,11
2024-01-02,Oslo,-1
2024-01-02,"Rome, Italy",12.5
"""
rows = list(csv.DictReader(io.StringIO(DATA)))
by_city = defaultdict(list)
lock = threading.Lock()
def add(row):
    with lock:
        by_city[row['city'].split(',')[0]].append(float(row['temp']))
ts = [threading.Thread(target=add, args=(r,)) for r in rows]
for t in ts: t.start()
for t in ts: t.join()
print(json.dumps({c: sorted(v) for c, v in sorted(by_city.items())}, indent=1))
print({c: statistics.mean(v) for c, v in sorted(by_city.items())})
out = io.StringIO()
w = csv.writer(out, lineterminator='\n')
w.writerow(['city', 'note'])
w.writerows([('Oslo', 'says "cold"'), ('Rome', 'a,b'), (None, 1.5)])
print(out.getvalue(), end='')
print(Template('$who likes ${what}s, $$5').substitute(who='Ann', what='tea'))
print(textwrap.fill('the quick brown fox jumps over the lazy dog', 20), textwrap.shorten('much too long a text', 12), sep='\n')
pprint.pprint({'numbers': list(range(30)), 'nested': {'b': [1, 2], 'a': ('x',)}}, width=60, compact=True)
d = datetime(2024, 2, 28, 22, 30) + timedelta(hours=30)
print(d.strftime('%A %d %B %Y'), d.isoweekday(), (date(2024, 3, 1) - date(2024, 2, 1)).days, timedelta(seconds=3725), d.isoformat(sep=' ')[:10] == str(d.date()))
print(json.loads('{"a": [1, 2.0, null, true, "\\u4f60"], "b": {}}'), json.dumps('你好'), json.dumps({'x': float('inf'), 1: (2,)}))
for bad in ('{', '[1,]', '{"a" 1}', 'nul'):
    try:
        json.loads(bad)
    except json.JSONDecodeError as e:
        print(e)
