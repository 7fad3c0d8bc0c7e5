import multiprocessing as mp

def foo(q):
    q.put('hello')

if __name__ == '__main__':
    print(mp.get_start_method(allow_none=True) in (None, 'fork'))
    ctx = mp.get_context('fork')
    q = ctx.Queue()
    p = ctx.Process(target=foo, args=(q,))
    p.start()
    print(q.get())
    p.join()
    print(mp.get_all_start_methods(), ctx.get_start_method(), mp.get_start_method())
    mp.set_start_method('fork', force=True)
    try:
        mp.set_start_method('fork')
    except RuntimeError as e:
        print(e)
    try:
        mp.get_context('thread')
    except ValueError as e:
        print(e)
    with ctx.Pool(2) as pool:
        print(pool.map(len, [[], [1]]))
    print(mp.current_process(), mp.current_process().authkey != b'', mp.cpu_count() > 0)
