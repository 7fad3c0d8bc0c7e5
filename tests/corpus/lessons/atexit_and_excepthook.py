import atexit, sys, threading, traceback

def goodbye(name, adjective='nice'):
    print('Goodbye %s, it was %s to meet you.' % (name, adjective))

atexit.register(goodbye, 'Donny', 'fine')
atexit.register(goodbye, adjective='good', name='Ann')

@atexit.register
def last():
    print('registered last, called first')

def hook(kind, value, tb):
    print('uncaught:', kind.__name__, value, tb is not None)
    print(''.join(traceback.format_exception_only(kind, value)).strip())

sys.excepthook = hook

def in_thread():
    raise KeyError('in a thread')

threading.excepthook = lambda a: print('thread', a.thread.name, a.exc_type.__name__, a.exc_value)
t = threading.Thread(target=in_thread, name='bad')
t.start(); t.join()

def f(n):
    if n == 0:
        raise ArithmeticError('too deep')
    f(n - 1)
try:
    f(2)
except ArithmeticError as e:
    print(len(traceback.extract_tb(e.__traceback__)), [x.name for x in traceback.extract_tb(e.__traceback__)])
    print(traceback.format_exc().splitlines()[-1])
f(1)
print('never printed')
