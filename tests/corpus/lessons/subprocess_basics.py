import subprocess

out = subprocess.run(['echo', 'hello'], capture_output=True, text=True)
print(repr(out.stdout), out.returncode)
print(subprocess.check_output('printf "a b\\nc\\n" | wc -l', shell=True).decode().strip())
p = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
answer, _ = p.communicate(b'through the pipe')
print(answer, p.returncode)
try:
    subprocess.check_call(['false'])
except subprocess.CalledProcessError as e:
    print(e)
try:
    subprocess.run(['sleep', '5'], timeout=0.05)
except subprocess.TimeoutExpired as e:
    print('timeout:', e.cmd, e.timeout)
try:
    subprocess.run(['no-such-program-here'])
except FileNotFoundError as e:
    print(e.errno, e.strerror)
