import threading


def hook(args):
    print('hook:', args.exc_type.__name__, args.exc_value, 'in', args.thread.name)


threading.excepthook = hook


def work():
    raise RuntimeError('something bad')


t = threading.Thread(target=work, name='bad-worker')
t.start()
t.join()
print('still here')
