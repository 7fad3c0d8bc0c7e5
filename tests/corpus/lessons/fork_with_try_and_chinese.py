import os, time
num = 100
try:
    pid = os.fork()
except OSError as e:
    print('创建进程失败', e)
    raise SystemExit(1)
if pid == 0:
    num += 1
    print('子进程 num=%d' % num)
    os._exit(0)
else:
    os.wait()
    num -= 1
    print('父进程 num=%d' % num)
for i in range(2):
    p = os.fork()
    if p == 0:
        os._exit(i + 1)
    print(os.waitpid(p, 0)[1] >> 8)
print('完')
