import multiprocessing
import sys

class Worker(multiprocessing.Process):

    def run(self):
        print('In %s' % self.name)
        sys.stdout.flush()
        return

if __name__ == '__main__':
    jobs = []
    for i in range(5):
        p = Worker()
        jobs.append(p)
        p.start()
        p.join()
    for j in jobs:
        print(j.name, j.exitcode)
