# Mocks and threads.
from unittest import mock
from unittest.mock import Mock, MagicMock, patch, call
import time, threading, queue
m = Mock(return_value=3); print(m(1, a=2), m.called, m.call_count, m.call_args, m.mock_calls)
m.side_effect = [1, 2, ValueError('no')]; print(m(), m())
try: m()
except ValueError as e: print(e)
with patch('time.sleep') as s:
    time.sleep(100); s.assert_called_once_with(100); print(s.call_args_list)
mm = MagicMock(); mm.__len__.return_value = 5; print(len(mm), mm.foo.bar() is mm.foo.bar(), mm.x.y.called)
try: m.assert_called_with(9)
except AssertionError as e: print(str(e).split('\n')[0])
class T(threading.Thread):
    def run(self): self.result = do_work(2)
def do_work(n): return n * 2
with patch.object(T, 'run', lambda self: setattr(self, 'result', 'patched')):
    t = T(); t.start(); t.join(); print(t.result)
print(call(1, b=2) == call(1, b=2), mock.ANY == 5, mock.sentinel.thing)
