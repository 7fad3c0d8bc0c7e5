# 避免死锁: 按照固定的顺序加锁
import threading, time

class 账户:
    def __init__(self, 名, 钱):
        self.名, self.钱, self.锁 = 名, 钱, threading.Lock()

def 转账(甲, 乙, 数):
    先, 后 = sorted([甲, 乙], key=lambda a: a.名)
    with 先.锁:
        time.sleep(0.001)
        with 后.锁:
            if 甲.钱 < 数:
                return False
            甲.钱 -= 数
            乙.钱 += 数
            return True

张, 李 = 账户('张', 100), 账户('李', 100)
线程组 = []
for i in range(10):
    线程组.append(threading.Thread(target=转账, args=(张, 李, 3)))
    线程组.append(threading.Thread(target=转账, args=(李, 张, 2)))
for t in 线程组: t.start()
for t in 线程组: t.join()
print(张.名, 张.钱, 李.名, 李.钱, '合计', 张.钱 + 李.钱)
print(f'{张.钱=} {"转账失败" if not 转账(张, 李, 1000) else "?"}')
