import logging, sys, os, threading

logging.basicConfig(level=logging.DEBUG,
                    format='%(asctime)s %(name)-12s %(levelname)-8s %(message)s',
                    datefmt='%m-%d %H:%M',
                    filename='myapp.log',
                    filemode='w')
console = logging.StreamHandler(sys.stdout)
console.setLevel(logging.INFO)
formatter = logging.Formatter('%(name)-12s: %(levelname)-8s %(message)s')
console.setFormatter(formatter)
logging.getLogger('').addHandler(console)

logging.info('Jackdaws love my big sphinx of quartz.')
logger1 = logging.getLogger('myapp.area1')
logger2 = logging.getLogger('myapp.area2')
logger1.debug('Quick zephyrs blow, vexing daft Jim.')
logger1.info('How quickly daft jumping zebras vex.')
logger2.warning('Jail zesty vixen who grabbed pay from %s.', 'quack')
logger2.error('The five boxing wizards jump %d times.', 5)
t = threading.Thread(target=logger1.critical, args=('from a thread',), name='T')
t.start(); t.join()
logging.shutdown()
with open('myapp.log') as f:
    lines = f.read().splitlines()
print(len(lines), [l.split()[3] for l in lines])
os.remove('myapp.log')
try:
    logging.getLogger('x').setLevel('LOUD')
except ValueError as e:
    print(e)
