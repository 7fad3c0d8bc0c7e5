import multiprocessing
import time
import random
import traceback


class Consumer(multiprocessing.Process):

    def __init__(self, task_queue, result_queue):
        multiprocessing.Process.__init__(self)
        self.task_queue = task_queue
        self.result_queue = result_queue

    def run(self):
        proc_name = self.name
        while True:
            next_task = self.task_queue.get()
            if next_task is None:
                # poison pill means shutdown
                print('%s: Exiting' % proc_name)
                self.task_queue.task_done()
                break
            try:
                answer = next_task()
            except Exception as e:
                answer = '%s: %s' % (e.__class__.__name__, e)
            self.task_queue.task_done()
            self.result_queue.put((next_task.number, answer))
        return


class Task(object):
    count = 0

    def __init__(self, a, b):
        Task.count += 1
        self.number = Task.count
        self.a = a
        self.b = b

    def __call__(self):
        time.sleep(random.random() / 200)
        return '%s %s %s = %s' % (self.a, self.sign, self.b, self.compute())

    def __str__(self):
        return '%s %s %s' % (self.a, self.sign, self.b)

    def __getstate__(self):
        state = self.__dict__.copy()
        state['travelled'] = True
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)


class Times(Task):
    sign = '*'

    def compute(self):
        return self.a * self.b


class Divide(Task):
    sign = '/'

    def compute(self):
        return self.a / self.b


class Travel(Task):
    sign = '?'

    def compute(self):
        return getattr(self, 'travelled', False)


class Power(Task):
    sign = '**'

    def compute(self):
        return self.a ** self.b


# order: any
if __name__ == '__main__':
    # Establish communication queues
    tasks = multiprocessing.JoinableQueue()
    results = multiprocessing.Queue()

    # Start consumers
    num_consumers = 3
    print('Creating %d consumers' % num_consumers)
    consumers = [Consumer(tasks, results) for i in range(num_consumers)]
    for w in consumers:
        w.start()

    # Enqueue jobs
    jobs = [Times(i, i) for i in range(5)] + [Divide(1, x) for x in (2, 0, 4)] + [Travel(1, 2)]
    jobs += [Power(2, 100), Power(2, -1), Power('x', 2), Times('ab', 3)]
    for job in jobs:
        tasks.put(job)

    # Add a poison pill for each consumer
    for i in range(num_consumers):
        tasks.put(None)

    # Wait for all of the tasks to finish
    tasks.join()

    # Start printing results
    got = {}
    while len(got) < len(jobs):
        number, result = results.get()
        got[number] = result
    for number in sorted(got):
        print('Result %2d:' % number, got[number])
    for w in consumers:
        w.join()
        print(w.name, w.exitcode, w.is_alive())
    print(str(jobs[0]), hasattr(jobs[0], 'travelled'))
    try:
        tasks.task_done()
    except ValueError as e:
        print(e)
    try:
        consumers[0].start()
    except AssertionError as e:
        print(e)
