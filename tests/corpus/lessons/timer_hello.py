from threading import Timer


def hello(name):
    print("hello, %s" % name)


t = Timer(0.05, hello, ["world"])
t.start()
print("timer started")
t2 = Timer(30, hello, kwargs={"name": "nobody"})
t2.start()
t2.cancel()
t.join()
t2.join()
print("over", t.is_alive(), t2.is_alive())
