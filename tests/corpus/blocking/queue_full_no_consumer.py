import multiprocessing

def main():
    q = multiprocessing.Queue(maxsize=2)
    for item in ['a', 'b', 'c']:
        print('putting', item, flush=True)
        q.put(item)
    print([q.get() for _ in range(3)])

main()
