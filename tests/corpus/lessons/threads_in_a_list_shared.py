# order: any
import threading

shared_list = []
lock = threading.Lock()

def add_items(start, end):
    with lock:
        print(f"Thread {threading.current_thread().name} adds {start}..{end}")
        for i in range(start, end):
            shared_list.append(i)

threads = []
for i in range(4):
    thread = threading.Thread(target=add_items, args=(i * 10, i * 10 + 10), name=f"adder-{i}")
    threads.append(thread)
    thread.start()
for thread in threads:
    thread.join()
print(sorted(shared_list) == [*range(40)], len(shared_list))
