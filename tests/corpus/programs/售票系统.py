#!/usr/bin/env python3
# coding: utf-8
"""火车票售票系统：多个窗口（线程）同时卖票，退票，改签
   版本一：有锁  版本二：用队列  版本三：多进程 + 共享变量
"""
import threading
import multiprocessing
import queue
import random
import time
from collections import Counter

总票数 = 60
窗口数 = 4


class 车票:
    __slots__ = ("车次", "座位", "价格", "已售")

    def __init__(self, 车次, 座位, 价格=50):
        self.车次 = 车次
        self.座位 = 座位
        self.价格 = 价格
        self.已售 = False

    def __repr__(self):
        return f"<{self.车次} {self.座位:0>3}号 ￥{self.价格}>"

    def __lt__(self, 另一张):
        return self.座位 < 另一张.座位


class 没有票了(Exception):
    pass


class 票池:
    def __init__(self, 车次, 数量):
        self._锁 = threading.Lock()
        self._票 = [车票(车次, i) for i in range(1, 数量 + 1)]
        self.收入 = 0

    def 买(self, 窗口):
        with self._锁:
            if not self._票:
                raise 没有票了("%s：对不起，票卖完了" % 窗口)
            票 = self._票.pop(0)
            assert not 票.已售
            票.已售 = True
            self.收入 += 票.价格
            return 票

    def 退(self, 票):
        with self._锁:
            票.已售 = False
            self.收入 -= 票.价格 * 9 // 10
            self._票.append(票)

    @property
    def 剩余(self):
        return len(self._票)


def 窗口卖票(池, 结果, 退票率=0.2):
    名字 = threading.current_thread().getName()
    随机 = random.Random(名字)
    卖出 = []
    try:
        while True:
            票 = 池.买(名字)
            卖出.append(票)
            time.sleep(0)
            if 随机.random() < 退票率 and len(卖出) % 7 == 0:
                池.退(卖出.pop())
    except 没有票了 as 原因:
        结果[名字] = (卖出, str(原因))


def 版本一():
    print("版本一".center(30, "-"))
    池, 结果 = 票池("G101", 总票数), {}
    窗口 = [threading.Thread(target=窗口卖票, args=(池, 结果), name="窗口%d" % (i + 1)) for i in range(窗口数)]
    for w in 窗口:
        w.start()
    for w in 窗口:
        w.join()
    全部 = sorted(票 for 卖出, _ in 结果.values() for 票 in 卖出)
    # 有的窗口可能先关门, 之后又有人退票
    print("卖出+剩余:", len(全部) + 池.剩余, "重复:", len(全部) - len({票.座位 for 票 in 全部}))
    print("第一张:", 全部[0], "收入不少于:", 池.收入 >= 50 * len(全部))
    print(结果["窗口1"][1])


def 版本二():
    print("版本二".center(30, "-"))
    票队列 = queue.Queue()
    for i in range(总票数):
        票队列.put(i)
    统计, 锁 = Counter(), threading.Lock()

    def 卖():
        while 1:
            try:
                票队列.get(block=False)
            except queue.Empty:
                break
            else:
                with 锁:
                    统计[threading.currentThread().name] += 1

    t = [threading.Thread(target=卖) for _ in range(窗口数)]
    for x in t:
        x.setDaemon(False)
        x.start()
    [x.join() for x in t]
    print("总共卖出 %d 张票, 剩余 %d" % (sum(统计.values()), 票队列.qsize()))


def 进程卖票(余票, 锁, 名字, 管道):
    n = 0
    while True:
        锁.acquire()
        if 余票.value > 0:
            余票.value -= 1
            锁.release()
            n += 1
        else:
            锁.release()
            break
    管道.send((名字, n))
    管道.close()


def 版本三():
    print("版本三".center(30, "-"))
    余票 = multiprocessing.Value("i", 总票数, lock=False)
    锁 = multiprocessing.Lock()
    收, 发 = multiprocessing.Pipe(False)
    进程 = [multiprocessing.Process(target=进程卖票, args=(余票, 锁, f"进程{i}", 发)) for i in range(窗口数)]
    for p in 进程:
        p.start()
    发.close()
    收到 = dict(收.recv() for _ in 进程)
    for p in 进程:
        p.join()
    print("各进程之和:", sum(收到.values()), "余票:", 余票.value, sorted(收到))
    try:
        收.recv()
    except EOFError:
        print("管道已关闭")


if __name__ == "__main__":
    版本一()
    版本二()
    版本三()
