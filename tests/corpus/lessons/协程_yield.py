# 用 yield 实现协程, 再用线程包起来
import time
import threading

def work1():
    for i in range(3):
        print("----work1---", i)
        yield

def work2():
    for i in range(3):
        print("----work2---", i)
        yield i

def 消费者():
    r = ''
    while True:
        n = yield r
        if not n:
            return '完了'
        print('[消费者] 消费 %s...' % n)
        r = '200 OK'

def 生产者(c):
    c.send(None)
    for n in range(1, 4):
        print('[生产者] 生产 %s...' % n)
        r = c.send(n)
        print('[生产者] 返回: %s' % r)
    try:
        c.send(0)
    except StopIteration as e:
        print(e.value)
    c.close()

def main():
    w1 = work1()
    w2 = work2()
    while True:
        try:
            next(w1)
            next(w2)
        except StopIteration:
            break

t = threading.Thread(target=main)
t.start()
t.join()
生产者(消费者())
