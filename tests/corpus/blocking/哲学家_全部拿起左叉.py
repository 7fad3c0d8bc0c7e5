# -*- coding: utf-8 -*-
# 五个哲学家同时拿起左边的叉子, 然后永远等右边的
import threading

叉子 = [threading.Lock() for _ in range(5)]
都拿起 = threading.Barrier(5)

def 哲学家(i):
    with 叉子[i]:
        都拿起.wait()
        with 叉子[(i + 1) % 5]:
            print('哲学家', i, '吃饭')

线程 = [threading.Thread(target=哲学家, args=(i,), name='哲学家%d' % i) for i in range(5)]
for t in 线程:
    t.start()
for t in 线程:
    t.join()
print('吃完了')
