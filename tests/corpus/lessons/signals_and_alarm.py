import signal, os, time

def receive_signal(signum, stack):
    print('Received:', signum, signal.Signals(signum).name)

signal.signal(signal.SIGUSR1, receive_signal)
signal.signal(signal.SIGUSR2, receive_signal)
for s in (signal.SIGUSR1, signal.SIGUSR2):
    os.kill(os.getpid(), s)

def alarm_received(n, stack):
    print('Alarm!')
    return

signal.signal(signal.SIGALRM, alarm_received)
signal.alarm(1)
before = time.time()
signal.pause()
print(time.time() - before > 0.5, signal.alarm(0))

def interrupted(*a):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, interrupted)
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)
except KeyboardInterrupt:
    print('like Ctrl-C')
print(signal.getsignal(signal.SIGUSR1) is receive_signal, signal.getsignal(signal.SIGPROF), signal.strsignal(15))
