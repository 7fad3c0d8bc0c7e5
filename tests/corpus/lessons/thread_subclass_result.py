import threading

class SummingThread(threading.Thread):
	def __init__(self, low, high):
		super(SummingThread, self).__init__()
		self.low = low
		self.high = high
		self.total = 0

	def run(self):
		for i in range(self.low, self.high):
			self.total += i

	def __add__(self, other):
		return self.total + other.total

thread1 = SummingThread(0, 5000)
thread2 = SummingThread(5000, 10000)
thread1.start() # This actually causes the thread to run
thread2.start()
thread1.join()  # This waits until the thread has completed
thread2.join()
# At this point, both threads have completed
result = thread1 + thread2
print(result)
