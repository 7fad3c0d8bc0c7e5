from queue import PriorityQueue, LifoQueue, Queue
import heapq
from dataclasses import dataclass, field
from typing import Any

@dataclass(order=True)
class PrioritizedItem:
    priority: int
    item: Any = field(compare=False)

class Skill(object):
    def __init__(self, priority, description):
        self.priority = priority
        self.description = description
    def __lt__(self, other):
        return self.priority < other.priority
    def __str__(self):
        return '(' + str(self.priority) + ',\'' + self.description + '\')'

def PriorityQueue_class():
    que = PriorityQueue()
    skill5 = Skill(7, 'proficient7')
    que.put(Skill(5, 'proficient5'))
    que.put(skill5)
    que.put(Skill(10, 'expert'))
    que.put(Skill(1, 'novice'))
    while not que.empty():
        print(que.get(), end='\n')

PriorityQueue_class()
q = PriorityQueue()
for i, word in enumerate("mid late early".split()):
    q.put(PrioritizedItem((5, 9, 1)[i], {word: i}))
print(q.get(), q.get().item, q.qsize())
l = LifoQueue()
for i in range(4): l.put(i)
print([l.get() for i in range(4)])
p = PriorityQueue()
p.put((1, 'a')); p.put((0, 'z')); p.put((1, 'A'))
print([p.get() for _ in range(3)], p.queue)
try:
    p.put((1, {})); p.put((1, {}))
except TypeError as e:
    print(e)
