import subprocess, sys, os

procs = []
for i in range(4):
    p = subprocess.Popen('sleep 0.0%d; echo "job %d"; exit %d' % (4 - i, i, i), shell=True, stdout=subprocess.PIPE)
    procs.append(p)
for p in procs:
    out, err = p.communicate()
    print(out.decode('utf-8').strip(), p.returncode, err)

p = subprocess.run(['ls', '/definitely/not/here'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding='utf8', env={**os.environ, 'LC_ALL': 'C'})
print(p.returncode != 0, 'No such file' in p.stderr, repr(p.stdout))
print(subprocess.run('exit 1', shell=True))
print(subprocess.run(["echo", "x"], capture_output=True))
print(subprocess.list2cmdline(['a b', 'c']))
