# order: any
import threading
import random

def show_value(data):
    try:
        val = data.value
    except AttributeError:
        print('%s: No value yet' % threading.current_thread().name)
    else:
        print('%s: value=%s' % (threading.current_thread().name, val))

def worker(data, n):
    show_value(data)
    data.value = n
    show_value(data)

class MyLocal(threading.local):
    def __init__(self, value):
        super().__init__()
        self.value = value

local_data = threading.local()
show_value(local_data)
local_data.value = 1000
show_value(local_data)
for i in range(2):
    t = threading.Thread(target=worker, args=(local_data, i))
    t.start()
    t.join()
mine = MyLocal(7)
t = threading.Thread(target=worker, args=(mine, 8), name='mine')
t.start()
t.join()
show_value(mine)
