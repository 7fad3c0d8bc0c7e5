# -*- coding: utf-8 -*-
# 仓库模型: 用 Condition 实现的生产者/消费者
# 仓库满了生产者等待, 空了消费者等待
import threading
import time

仓库容量 = 5


class 货物(object):
    编号 = 0
    编号锁 = threading.Lock()

    def __init__(self, 名称, 单价=1.5):
        with 货物.编号锁:
            货物.编号 += 1
            self.id = 货物.编号
        self.名称 = 名称
        self.单价 = 单价

    def __str__(self):
        return '%s#%03d(%.1f元)' % (self.名称, self.id, self.单价)

    def __eq__(self, other):
        return isinstance(other, 货物) and self.id == other.id

    def __hash__(self):
        return hash(self.id)


class 仓库:
    def __init__(self, 容量):
        self.容量 = 容量
        self.货架 = []
        self.条件 = threading.Condition()
        self.最多 = 0
        self.关闭了 = False

    def 入库(self, 件):
        with self.条件:
            while len(self.货架) >= self.容量:
                self.条件.wait()
            self.货架.append(件)
            self.最多 = max(self.最多, len(self.货架))
            self.条件.notify_all()

    def 出库(self):
        self.条件.acquire()
        try:
            while not self.货架:
                if self.关闭了:
                    return None
                self.条件.wait()
            件 = self.货架.pop(0)
            self.条件.notifyAll()
            return 件
        finally:
            self.条件.release()

    def 关门(self):
        with self.条件:
            self.关闭了 = True
            self.条件.notify_all()


class 生产者(threading.Thread):
    def __init__(self, 仓, 品种, 数量):
        threading.Thread.__init__(self)
        self.name = '生产者-' + 品种
        self.仓 = 仓
        self.品种 = 品种
        self.数量 = 数量

    def run(self):
        for i in range(self.数量):
            件 = 货物(self.品种, 单价=1.5 + i % 3)
            self.仓.入库(件)
            time.sleep(0.0005)
        日志(f'{self.name} 下班了, 共生产 {self.数量} 件')


class 消费者(threading.Thread):
    def __init__(self, 仓, 号):
        super().__init__(name='消费者-%d' % 号)
        self.仓 = 仓
        self.篮子 = []

    def run(self):
        while True:
            件 = self.仓.出库()
            if 件 is None:
                break
            self.篮子.append(件)
            time.sleep(0.001)


日志锁 = threading.Lock()
日志行 = []


def 日志(文字):
    with 日志锁:
        日志行.append(文字)


def 主函数():
    仓 = 仓库(仓库容量)
    工人 = [生产者(仓, 品, n) for 品, n in (('苹果', 20), ('香蕉', 15), ('橙子', 10))]
    顾客 = [消费者(仓, i + 1) for i in range(3)]
    for t in 工人 + 顾客:
        t.start()
    for t in 工人:
        t.join()
    仓.关门()
    for t in 顾客:
        t.join()
        assert not t.is_alive()

    全部 = [件 for t in 顾客 for 件 in t.篮子]
    print('一共消费了', len(全部), '件, 不重复', len(set(全部)), '件')
    统计 = {}
    for 件 in 全部:
        统计[件.名称] = 统计.get(件.名称, 0) + 1
    for 名称 in sorted(统计):
        print('%s：%d' % (名称, 统计[名称]))
    print('仓库剩余:', len(仓.货架), '没有超过容量:', 仓.最多 <= 仓库容量)
    for 行 in sorted(日志行):
        print(行)
    总价 = sum(件.单价 for 件 in 全部)
    print('总价: {:.1f} 元'.format(总价))
    print('平均单价：{0:>8.1f}|{1:<6}|{2:^8}|'.format(总价 / len(全部), '元', '每件'))
    print(str(货物('西瓜')) == str(货物('西瓜')), 货物('西瓜') == 货物('西瓜'))


if __name__ == '__main__':
    print('开始营业'.center(20, '='))
    主函数()
    print('结束营业'.center(20, '='))
