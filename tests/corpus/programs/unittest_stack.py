"""A thread-safe stack, and its tests."""
import io
import sys
import threading
import time
import unittest
from unittest import TestCase, mock


class Empty(Exception):
    pass


class Stack:
    def __init__(self, items=(), limit=None):
        self._items = list(items)
        self._limit = limit
        self._condition = threading.Condition()

    def push(self, item, block=False, timeout=None):
        with self._condition:
            if self._limit is not None and len(self._items) >= self._limit:
                if not block:
                    raise OverflowError("stack is full")
                if not self._condition.wait_for(lambda: len(self._items) < self._limit, timeout):
                    raise TimeoutError
            self._items.append(item)
            self._condition.notify()

    def pop(self, block=False, timeout=None):
        with self._condition:
            if not self._items:
                if not block:
                    raise Empty("stack is empty")
                if not self._condition.wait_for(lambda: self._items, timeout):
                    raise TimeoutError("nothing came")
            item = self._items.pop()
            self._condition.notify()
            return item

    def __len__(self):
        return len(self._items)

    def __bool__(self):
        return bool(self._items)

    def __repr__(self):
        return f"Stack({self._items})"


class StackTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.created = 0

    def setUp(self):
        self.stack = Stack([1, 2])
        type(self).created += 1
        self.addCleanup(self.assertGreaterEqual, self.created, 1)

    def tearDown(self):
        self.stack = None

    def test_last_in_first_out(self):
        self.stack.push(3)
        self.assertEqual([self.stack.pop() for _ in range(3)], [3, 2, 1])
        self.assertFalse(self.stack)

    def test_empty(self):
        self.stack.pop(), self.stack.pop()
        self.assertRaises(Empty, self.stack.pop)
        with self.assertRaisesRegex(Empty, "is empty$") as caught:
            self.stack.pop()
        self.assertIsInstance(caught.exception, Exception)

    def test_limit(self):
        stack = Stack(limit=1)
        stack.push("a")
        with self.assertRaises(OverflowError):
            stack.push("b")
        with self.assertRaises(TimeoutError):
            stack.push("b", block=True, timeout=0.01)
        self.assertEqual(len(stack), 1)

    def test_repr(self):
        self.assertEqual(repr(self.stack), "Stack([1, 2])")
        self.assertIn("2", str(self.stack))
        self.assertRegex(repr(self.stack), r"^Stack\(.*\)$")

    def test_many_types(self):
        for item in (None, 1.5, "text", (), [1]):
            with self.subTest(item=item):
                self.stack.push(item)
                self.assertIs(self.stack.pop(), item)

    @unittest.skip("not written yet")
    def test_peek(self):
        self.fail("should not run")

    @unittest.expectedFailure
    def test_known_bug(self):
        self.assertEqual(Stack(), Stack())


class ThreadedStackTest(TestCase):
    def test_waiting_pop(self):
        stack, result = Stack(), []
        t = threading.Thread(target=lambda: result.append(stack.pop(block=True, timeout=10)))
        t.start()
        stack.push("late")
        t.join()
        self.assertListEqual(result, ["late"])

    def test_nothing_is_lost(self):
        stack, popped, lock = Stack(limit=3), [], threading.Lock()

        def producer(k):
            for i in range(30):
                stack.push((k, i), block=True)

        def consumer():
            while True:
                item = stack.pop(block=True)
                if item is None:
                    break
                with lock:
                    popped.append(item)

        producers = [threading.Thread(target=producer, args=(k,)) for k in range(3)]
        consumers = [threading.Thread(target=consumer) for _ in range(2)]
        for t in producers + consumers:
            t.start()
        for t in producers:
            t.join()
        while stack:
            time.sleep(0.001)
        for _ in consumers:
            stack.push(None, block=True)
        for t in consumers:
            t.join()
        self.assertCountEqual(popped, [(k, i) for k in range(3) for i in range(30)])


class BrokenTest(TestCase):
    """These are meant to fail, to look at the report."""

    def test_difference(self):
        self.assertEqual(Stack([1]).pop(), 2, "numbers")

    def test_error(self):
        Stack().pop()


class MockTest(TestCase):
    def test_condition_is_told(self):
        stack = Stack()
        stack._condition = mock.MagicMock()
        stack.push(1)
        stack._condition.notify.assert_called_once_with()


def suite(*cases):
    loader = unittest.TestLoader()
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in cases)


if __name__ == "__main__":
    stream = io.StringIO()
    result = unittest.TextTestRunner(stream=stream, verbosity=2).run(suite(StackTest, ThreadedStackTest))
    for line in stream.getvalue().splitlines():
        if " ... " in line:
            print(line)
    print(result.testsRun, len(result.failures), len(result.errors), len(result.skipped), len(result.expectedFailures),
          result.wasSuccessful())
    print([reason for test, reason in result.skipped], StackTest.created)
    result = unittest.TextTestRunner(stream=io.StringIO()).run(suite(BrokenTest))
    print(result.wasSuccessful(), len(result.failures), len(result.errors))
    for test, text in result.failures + result.errors:
        print(test.id(), "->", text.strip().splitlines()[-1])
    result = unittest.TextTestRunner(stream=io.StringIO(), failfast=True).run(suite(MockTest))
    print("mock:", result.wasSuccessful())
    sys.exit(not result.wasSuccessful())
