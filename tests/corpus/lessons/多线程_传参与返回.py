from threading import Thread,current_thread
import time,random

class MyThread(Thread):
    def __init__(self,func,args=()):
        super(MyThread,self).__init__()
        self.func=func
        self.args=args
    def run(self):
        self.result=self.func(*self.args)
    def get_result(self):
        try:
            return self.result   # 如果子线程不使用join方法，此处可能会报没有self.result的错误
        except Exception as e:
            return None

def add(a,b=1,*c):
    time.sleep(random.random()/100)
    return a+b+sum(c)

if __name__=="__main__":
    li=[]
    for i in range(4):
        t=MyThread(add,args=(i,i+1,i*i))
        li.append(t)
        t.start()
    没开始=MyThread(add)
    print(没开始.get_result())
    for t in li:
        t.join()
        print(t.get_result(),end=' ')
    print()
    print(current_thread().name)
