# Many small objects that refer to each other.
import sys

class Node:
    def __init__(self, left, right):
        self.left = left
        self.right = right

def make(depth):
    if depth == 0:
        return Node(None, None)
    return Node(make(depth - 1), make(depth - 1))

def count(node):
    if node.left is None:
        return 1
    return 1 + count(node.left) + count(node.right)

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
print(sum(count(make(12)) for _ in range(rounds)))
