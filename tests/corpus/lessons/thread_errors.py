import threading

def nothing(): pass

t = threading.Thread(target=nothing)
for what in ('join', 'start', 'start', 'join', 'start'):
    try:
        getattr(t, what)()
        print(what, 'ok')
    except RuntimeError as e:
        print(what, '->', e)
try:
    threading.current_thread().join()
except RuntimeError as e:
    print(e)

class Forgetful(threading.Thread):
    def __init__(self):
        self.x = 1

for use in (lambda: Forgetful().start(), lambda: Forgetful().name, lambda: threading.Thread(group=1), lambda: threading.Thread(daemon=1).daemon == True):
    try:
        print(use())
    except Exception as e:
        print(type(e).__name__, e)
print(threading.main_thread(), threading.main_thread() is threading.current_thread()) if False else print(threading.main_thread().name)
