import os
import signal
import time


def receive_signal(signum, stack):
    print('Received:', signum)


signal.signal(signal.SIGUSR1, receive_signal)
signal.signal(signal.SIGUSR2, receive_signal)
print(signal.getsignal(signal.SIGUSR1) is receive_signal)
os.kill(os.getpid(), signal.SIGUSR1)
time.sleep(0.01)
os.kill(os.getpid(), signal.SIGUSR2)
time.sleep(0.01)


def alarm(signum, frame):
    raise TimeoutError('took too long')


signal.signal(signal.SIGALRM, alarm)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    time.sleep(5)
except TimeoutError as e:
    print('TimeoutError:', e)
