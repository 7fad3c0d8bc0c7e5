from threading import Thread

def greet(greeting, name="nobody", *rest, mark="!", **more):
    print(greeting, name, rest, mark, sorted(more.items()), sep=", ")

for args, kwargs in [
    (("hello",), {}),
    (("hi", "Tom"), {"mark": "?"}),
    (["hey", "Ann", 1, 2], dict(x=1, y=2)),
]:
    t = Thread(target=greet, args=args, kwargs=kwargs)
    t.start()
    t.join()

t = Thread(None, greet, "third", ("a",), {"name": "b"})
print(t.name, t)
t.start(); t.join()
print(t.name, str(t).startswith("<Thread(third, stopped"))
