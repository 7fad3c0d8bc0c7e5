# -*- coding: utf-8 -*-
# order: any
"""Logging from many threads and processes into one place."""
import logging
import logging.handlers
import multiprocessing
import os
import queue
import sys
import tempfile
import threading
import time


class LevelFilter(logging.Filter):
    def __init__(self, low, high):
        super().__init__()
        self.low, self.high = low, high

    def filter(self, record):
        return self.low <= record.levelno <= self.high


class ListHandler(logging.Handler):
    def __init__(self):
        logging.Handler.__init__(self)
        self.records = []

    def emit(self, record):
        self.records.append(self.format(record))


def set_up():
    logger = logging.getLogger('shop')
    logger.setLevel(logging.DEBUG)
    console = logging.StreamHandler(sys.stdout)
    console.setLevel(logging.INFO)
    console.setFormatter(logging.Formatter('[%(levelname)-8s] %(processName)s/%(threadName)s %(name)s: %(message)s'))
    logger.addHandler(console)
    everything = ListHandler()
    everything.setFormatter(logging.Formatter('%(levelname).1s %(funcName)s %(message)s'))
    logger.addHandler(everything)
    errors = ListHandler()
    errors.addFilter(LevelFilter(logging.ERROR, logging.CRITICAL))
    logger.addHandler(errors)
    return logger, everything, errors


def customer(n):
    log = logging.getLogger('shop.customer')
    log.debug('enters')
    if n == 2:
        log.warning('has no money')
        return
    log.info('buys %d thing%s', n + 1, 's' if n else '')


def broken():
    log = logging.getLogger('shop.till')
    try:
        {}['price']
    except KeyError:
        log.exception('the till is broken: %s', 'no price')
    log.critical('closing')


# --- processes send their records through a queue


def worker(q, n):
    root = logging.getLogger()
    root.handlers[:] = [logging.handlers.QueueHandler(q)]
    root.setLevel(logging.INFO)
    logging.info('task %d starts', n)
    logging.getLogger('worker.%d' % n).debug('not shown')
    logging.warning('task %d ends', n)


def listener(q, path):
    handler = logging.FileHandler(path, mode='w', encoding='utf-8')
    handler.setFormatter(logging.Formatter('{processName:<10}|{levelname}|{message}', style='{'))
    while True:
        record = q.get()
        if record is None:
            break
        handler.handle(record)
    handler.close()


def main():
    logger, everything, errors = set_up()
    logger.info('open')
    threads = [threading.Thread(target=customer, args=(n,), name='customer-%d' % n) for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    everything_before = sorted(everything.records)
    print(everything_before)
    logger.handlers[0].setLevel(logging.CRITICAL)
    broken()
    first = errors.records[0].splitlines()
    print(first[0], '|', first[1], '|', first[-1], '|', len(errors.records))
    print(logger.isEnabledFor(logging.DEBUG), logger.getEffectiveLevel(), logging.getLevelName(35), logging.getLogger('shop.x').parent.name)

    q = multiprocessing.Queue()
    fd, path = tempfile.mkstemp()
    os.close(fd)
    lp = multiprocessing.Process(target=listener, args=(q, path))
    lp.start()
    workers = [multiprocessing.Process(target=worker, args=(q, n), name='work-%d' % n) for n in range(3)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    q.put_nowait(None)
    lp.join()
    with open(path) as f:
        for line in sorted(f):
            print(line, end='')
    os.unlink(path)

    # the same among threads, with the library's listener
    target = ListHandler()
    target.setFormatter(logging.Formatter('%(threadName)s says %(message)s'))
    tq = queue.Queue(-1)
    ql = logging.handlers.QueueListener(tq, target, respect_handler_level=True)
    log = logging.getLogger('quiet')
    log.propagate = False
    log.addHandler(logging.handlers.QueueHandler(tq))
    ql.start()
    ts = [threading.Thread(target=log.error, args=('number %d', i), name='T%d' % i) for i in range(3)]
    [t.start() for t in ts]
    [t.join() for t in ts]
    ql.stop()
    print(sorted(target.records))

    extra = logging.LoggerAdapter(logging.getLogger('shop'), {'user': 'eve'})
    h = ListHandler()
    h.setFormatter(logging.Formatter('%(user)s: %(message)s'))
    logger.handlers = [h]
    extra.info('adapted %s', (1, 2))
    logger.log(logging.INFO + 5, 'level', extra={'user': 'bob'})
    logging.disable(logging.INFO)
    extra.info('disabled')
    logging.disable(logging.NOTSET)
    print(h.records)
    logging.addLevelName(25, 'NOTICE')
    print(logging.getLevelName(25), logging.getLevelName('NOTICE'), logging.getLevelName('ERROR'))
    print(logger, logger.hasHandlers(), logging.getLogger('shop') is logger)


if __name__ == '__main__':
    main()
