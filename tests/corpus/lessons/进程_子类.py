from multiprocessing import Process
import time


class ProcessClass(Process):
    def __init__(self, interval):
        Process.__init__(self)
        self.interval = interval

    def run(self):
        print("子进程开始执行")
        time.sleep(self.interval)
        print("子进程执行结束")


if __name__ == "__main__":
    p = ProcessClass(0.05)
    p.start()
    p.join()
    print("退出码", p.exitcode, p.name)
