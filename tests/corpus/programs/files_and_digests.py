# Files that come and go, and digests made by threads.
import tempfile, os, gzip, hashlib, glob, io, shutil, threading
with tempfile.NamedTemporaryFile('w+', suffix='.txt', delete=False) as f:
    f.write('hello\nworld\n'); f.flush(); f.seek(0); print(f.readlines(), f.name.endswith('.txt'), f.closed)
print(os.path.exists(f.name), open(f.name).read().split()); os.unlink(f.name)
with tempfile.TemporaryDirectory() as d:
    for i in range(3): open(os.path.join(d, 'f%d.log' % i), 'w').write('x' * i)
    print([os.path.basename(p) for p in sorted(glob.glob(d + '/*.log'))], sorted(os.listdir(d)))
    with gzip.open(d + '/a.gz', 'wt') as g: g.write('zipped\n')
    print(gzip.open(d + '/a.gz').read(), gzip.decompress(gzip.compress(b'abc')))
    shutil.copy(d + '/a.gz', d + '/b.gz'); print(os.path.getsize(d + '/a.gz') == os.path.getsize(d + '/b.gz'))
print(os.path.exists(d))
h = hashlib.md5(); h.update(b'abc'); print(h.hexdigest(), hashlib.sha256(b'').hexdigest()[:10], h.name, h.digest_size, hashlib.new('sha1', b'x').hexdigest())
res = {}
def hash_it(n): res[n] = hashlib.sha1(str(n).encode()).hexdigest()[:6]
ts = [threading.Thread(target=hash_it, args=(i,)) for i in range(4)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sorted(res.items()))
s = io.StringIO(); print('a', 'b', sep='-', file=s); print(repr(s.getvalue())); b = io.BytesIO(b'abc'); print(b.read(2), b.tell(), b.getvalue())
