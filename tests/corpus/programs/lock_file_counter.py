# 多个进程用文件锁保护同一个计数文件
import contextlib
import fcntl
import json
import os
import tempfile
from multiprocessing import Process, current_process

文件夹 = tempfile.mkdtemp(prefix="锁_")
数据 = os.path.join(文件夹, "计数.json")
锁 = os.path.join(文件夹, "计数.lock")


@contextlib.contextmanager
def 文件锁(共享=False):
    with open(锁, "a+") as 句柄:
        fcntl.flock(句柄, fcntl.LOCK_SH if 共享 else fcntl.LOCK_EX)
        try:
            yield 句柄
        finally:
            fcntl.flock(句柄, fcntl.LOCK_UN)


def 读取():
    with open(数据, encoding="utf-8") as 输入:
        return json.load(输入)


def 写入(内容):
    临时 = f"{数据}.{os.getpid()}"
    with open(临时, "w", encoding="utf-8") as 输出:
        json.dump(内容, 输出, ensure_ascii=False, sort_keys=True)
        输出.flush()
        os.fsync(输出.fileno())
    os.replace(临时, 数据)


def 工人(次数):
    名字 = current_process().name
    for _ in range(次数):
        with 文件锁():
            内容 = 读取()
            内容["总数"] += 1
            内容["每人"][名字] = 内容["每人"].get(名字, 0) + 1
            写入(内容)


def 主程序():
    写入({"总数": 0, "每人": {}})
    进程们 = [Process(target=工人, args=(10 + i,), name=f"工人{i}") for i in range(4)]
    for 进程 in 进程们:
        进程.start()
    for 进程 in 进程们:
        进程.join()
    with 文件锁(共享=True):
        结果 = 读取()
    print("总数:", 结果["总数"])
    for 名字, 次数 in sorted(结果["每人"].items()):
        print(f"{名字:<6}{次数:>4}次")
    print([p.exitcode for p in 进程们])
    第一 = open(锁)
    第二 = open(锁)
    fcntl.flock(第一, fcntl.LOCK_EX)
    try:
        fcntl.flock(第二, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as 错误:
        print("拿不到锁:", 错误.errno == 11, type(错误).__name__)
    第一.close()
    fcntl.flock(第二, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("现在拿到了")
    第二.close()
    标志 = fcntl.fcntl(os.open(锁, os.O_RDWR), fcntl.F_GETFD)
    print("FD_CLOEXEC", bool(标志 & fcntl.FD_CLOEXEC))
    for 名 in os.listdir(文件夹):
        os.remove(os.path.join(文件夹, 名))
    os.rmdir(文件夹)
    print(os.path.exists(文件夹))


if __name__ == "__main__":
    主程序()
