import multiprocessing as mp, time

def daemon():
    time.sleep(60)

def quick(ev):
    ev.wait(10)

if __name__ == '__main__':
    d = mp.Process(name='daemon', target=daemon, daemon=True)
    ev = mp.Event()
    n = mp.Process(name='non-daemon', target=quick, args=(ev,))
    n.daemon = False
    d.start(); n.start()
    d.join(0.05)
    print('d.is_alive()', d.is_alive())
    ev.set()
    n.join()
    print('n', n.exitcode, sorted(p.name for p in mp.active_children()))
    try:
        d.daemon = False
    except AssertionError as e:
        print(e)
    print('the end')
