"""A calculator: tokenizer, parser, syntax tree, evaluation -- served to several threads at once."""
# stdin: 1 + 2 * 3
# stdin: x = (4 - 1) ** 2
# stdin: x / 2
# stdin: sqrt(x) + max(1, 2, 3)
# stdin: 2 ** 3 ** 2
# stdin: -x % 4
# stdin: 1 +
# stdin: 1 / 0
# stdin: $
# stdin: y
# stdin: foo(1)
# stdin: (1, 2
# stdin: quit
# stdin: never read
import math
import queue
import re
import sys
import threading
from typing import NamedTuple


class Token(NamedTuple):
    kind: str
    text: str
    at: int


class CalcError(Exception):
    def __init__(self, message, at=None):
        super().__init__(message)
        self.at = at


TOKENS = [('NUMBER', r'\d+(?:\.\d*)?'), ('NAME', r'[^\W\d]\w*'), ('POW', r'\*\*'), ('OP', r'[-+*/%(),=]'), ('SPACE', r'\s+'),
          ('BAD', r'.')]
MASTER = re.compile('|'.join(f'(?P<{k}>{p})' for k, p in TOKENS))


def tokenize(text):
    for m in MASTER.finditer(text):
        if m.lastgroup == 'BAD':
            raise CalcError(f'strange character {m[0]!r}', m.start())
        if m.lastgroup != 'SPACE':
            yield Token(m.lastgroup, m.group(), m.start())
    yield Token('END', '', len(text))


class Node:
    fields = ()

    def __init__(self, *values):
        for name, value in zip(self.fields, values):
            setattr(self, name, value)

    def __repr__(self):
        return '%s(%s)' % (type(self).__name__, ', '.join(repr(getattr(self, f)) for f in self.fields))


class Number(Node): fields = ('value',)
class Name(Node): fields = ('name', 'at')
class Unary(Node): fields = ('op', 'operand')
class Binary(Node): fields = ('op', 'left', 'right')
class Call(Node): fields = ('name', 'arguments')
class Assign(Node): fields = ('name', 'value')


class Parser:
    LEVELS = [('+', '-'), ('*', '/', '%')]

    def __init__(self, text):
        self.tokens = list(tokenize(text))
        self.pos = 0

    @property
    def now(self):
        return self.tokens[self.pos]

    def accept(self, *texts):
        if self.now.kind in ('OP', 'POW') and self.now.text in texts:
            self.pos += 1
            return self.tokens[self.pos - 1]

    def expect(self, text):
        if not self.accept(text):
            raise CalcError(f'expected {text!r} but found {self.now.text or "the end"!r}', self.now.at)

    def statement(self):
        if self.now.kind == 'NAME' and self.tokens[self.pos + 1].text == '=':
            name = self.now.text
            self.pos += 2
            return Assign(name, self.whole())
        return self.whole()

    def whole(self):
        node = self.level(0)
        if self.now.kind != 'END':
            raise CalcError(f'unexpected {self.now.text!r}', self.now.at)
        return node

    def level(self, n):
        if n == len(self.LEVELS):
            return self.unary()
        node = self.level(n + 1)
        while (op := self.accept(*self.LEVELS[n])):
            node = Binary(op.text, node, self.level(n + 1))
        return node

    def unary(self):
        if (op := self.accept('-', '+')):
            return Unary(op.text, self.unary())
        base = self.atom()
        if self.accept('**'):
            return Binary('**', base, self.unary())
        return base

    def atom(self):
        token = self.now
        self.pos += 1
        if token.kind == 'NUMBER':
            return Number(float(token.text) if '.' in token.text else int(token.text))
        if token.kind == 'NAME':
            if self.accept('('):
                arguments = []
                if not self.accept(')'):
                    arguments.append(self.level(0))
                    while self.accept(','):
                        arguments.append(self.level(0))
                    self.expect(')')
                return Call(token.text, arguments)
            return Name(token.text, token.at)
        if token.text == '(':
            node = self.level(0)
            self.expect(')')
            return node
        self.pos -= 1
        raise CalcError('expected a value', token.at)


class Evaluator:
    functions = {name: getattr(math, name) for name in ('sqrt', 'floor', 'gcd')}
    functions.update(max=max, min=min, abs=abs)

    def __init__(self):
        self.variables = {'pi': 3}
        self.lock = threading.RLock()

    def visit(self, node):
        return getattr(self, 'visit_' + type(node).__name__)(node)

    def visit_Number(self, node): return node.value

    def visit_Name(self, node):
        with self.lock:
            if node.name not in self.variables:
                raise CalcError(f'unknown name {node.name}', node.at)
            return self.variables[node.name]

    def visit_Unary(self, node):
        value = self.visit(node.operand)
        return -value if node.op == '-' else value

    def visit_Binary(self, node):
        a, b = self.visit(node.left), self.visit(node.right)
        match node.op:
            case '+': return a + b
            case '-': return a - b
            case '*': return a * b
            case '/': return a / b
            case '%': return a % b
            case '**': return a ** b

    def visit_Call(self, node):
        if node.name not in self.functions:
            raise CalcError(f'unknown function {node.name}')
        return self.functions[node.name](*map(self.visit, node.arguments))

    def visit_Assign(self, node):
        with self.lock:
            self.variables[node.name] = value = self.visit(node.value)
        return value


def calculate(evaluator, line):
    try:
        return str(evaluator.visit(Parser(line).statement()))
    except CalcError as e:
        where = '' if e.at is None else ' ' * e.at + '^ '
        return where + str(e)
    except ArithmeticError as e:
        return f'{type(e).__name__}: {e}'


def main():
    print(Parser('-2 * (x + 1)').whole())
    ev = Evaluator()
    print('calculator; "quit" ends it')
    while True:
        try:
            line = input('> ')
        except EOFError:
            print('(end)')
            break
        print(line)
        if line.strip() == 'quit':
            break
        if line.strip():
            print(calculate(ev, line))
    jobs, out = queue.Queue(), {}

    def worker():
        while True:
            try:
                n, line = jobs.get_nowait()
            except queue.Empty:
                return
            out[n] = calculate(ev, line)

    for n in range(30):
        jobs.put((n, f'v{n} = {n} ** 2 + {n} * {n} % 7'))
    ts = [threading.Thread(target=worker) for _ in range(4)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    print([out[n] for n in range(5)], ev.variables['v29'], len(ev.variables))
    print(sys.stdin.readline().strip(), repr(sys.stdin.read()))


if __name__ == '__main__':
    main()
