from multiprocessing import Process, Pipe

def child(conn):
    conn.send('one')
    conn.send('two')
    # conn.close() does not help: the parent has this end open as well

if __name__ == '__main__':
    parent_conn, child_conn = Pipe()
    p = Process(target=child, args=(child_conn,))
    p.start()
    while True:
        try:
            print(parent_conn.recv())
        except EOFError:
            print('end')
            break
    p.join()
