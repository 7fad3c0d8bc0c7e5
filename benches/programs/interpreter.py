# A small stack machine: dispatch on strings, tuples, dict of methods, attributes in loops.
import sys
class Machine:
    def __init__(self, code):
        self.code = code
        self.stack = []
        self.pc = 0
        self.names = {}
        self.steps = 0
        self.table = {"push": self.push, "add": self.add, "store": self.store, "load": self.load, "jump_less": self.jump_less}
    def push(self, arg):
        self.stack.append(arg)
    def add(self, arg):
        b = self.stack.pop()
        a = self.stack.pop()
        self.stack.append(a + b)
    def store(self, arg):
        self.names[arg] = self.stack.pop()
    def load(self, arg):
        self.stack.append(self.names[arg])
    def jump_less(self, arg):
        target, limit = arg
        if self.stack.pop() < limit:
            self.pc = target
    def run(self):
        while self.pc < len(self.code):
            op, arg = self.code[self.pc]
            self.pc += 1
            self.steps += 1
            self.table[op](arg)
        return self.names
def branch(code):
    stack = []
    for op, arg in code:
        if op == "push":
            stack.append(arg)
        elif op == "add":
            stack.append(stack.pop() + stack.pop())
        elif op == "mul":
            stack[-1] *= arg
        elif op == "dup":
            stack.append(stack[-1])
        else:
            raise ValueError(op)
    return stack[-1]
n = int(sys.argv[1]) if len(sys.argv) > 1 else 12000
m = Machine([("push", 0), ("store", "i"), ("load", "i"), ("push", 1), ("add", None), ("store", "i"), ("load", "i"), ("jump_less", (2, n))])
print(m.run(), m.steps)
print(sum(branch([("push", 1), ("push", i), ("add", None), ("dup", None), ("add", None), ("mul", 3)]) for i in range(n)))
