# Linked structures: a list, a binary search tree, a trie, an LRU cache.
import sys
class Node:
    def __init__(self, key, value=None):
        self.key = key
        self.value = value
        self.left = None
        self.right = None
        self.next = None
class Tree:
    def __init__(self):
        self.root = None
        self.size = 0
    def insert(self, key, value):
        if self.root is None:
            self.root = Node(key, value)
            self.size += 1
            return
        node = self.root
        while True:
            if key == node.key:
                node.value = value
                return
            if key < node.key:
                if node.left is None:
                    node.left = Node(key, value)
                    break
                node = node.left
            else:
                if node.right is None:
                    node.right = Node(key, value)
                    break
                node = node.right
        self.size += 1
    def height(self, node):
        if node is None:
            return 0
        return 1 + max(self.height(node.left), self.height(node.right))
class Stack:
    def __init__(self):
        self.head = None
    def push(self, key):
        node = Node(key)
        node.next = self.head
        self.head = node
    def __iter__(self):
        node = self.head
        while node is not None:
            yield node.key
            node = node.next
def trie(words):
    root = {}
    for word in words:
        here = root
        for c in word:
            here = here.setdefault(c, {})
        here["$"] = True
    return root
def main(rounds):
    total = 0
    for r in range(rounds):
        tree = Tree()
        seed = r + 1
        for _ in range(1000):
            seed = (seed * 1103515245 + 12345) % 2147483648
            tree.insert(seed % 5000, seed)
        total += tree.size + tree.height(tree.root)
        stack = Stack()
        for i in range(500):
            stack.push(i)
        total += sum(stack)
        total += len(trie(["word%d" % i for i in range(100)]))
    return total
print(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
